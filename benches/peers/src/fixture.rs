//! The session that every contestant stores.

/// The number stored before the first round; requests walk through them.
pub const STORED: usize = 1_000;

/// The number of fields and the bytes of each.
#[derive(Clone, Copy)]
pub struct Shape {
    pub fields: usize,
    pub bytes: usize,
}

/// 200 bytes.
pub const SMALL: Shape = Shape { fields: 4, bytes: 48 };
/// 2 KiB.
pub const LARGE: Shape = Shape { fields: 20, bytes: 100 };

impl Shape {
    pub fn content(self) -> impl Iterator<Item = (String, String)> {
        (0..self.fields).map(move |number| (format!("field{number}"), "x".repeat(self.bytes)))
    }

    /// A value for one of the fields, another one at each request.
    pub fn value(self, number: usize) -> String {
        format!("{number:0width$}", width = self.bytes)
    }
}
