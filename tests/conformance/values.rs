//! What `insert` accepts reads back equal; everything else is rejected.

use cloakroom::{DecodeError, Error, FieldKind};
use fastrand::Rng;
use serde::ser::{SerializeMap, SerializeSeq};
use serde::{Deserialize, Serialize, Serializer};

use super::stage;

mod shapes;

use shapes::*;

const VALUES: u64 = 200;

macro_rules! each_reads_back {
    ($stage:ident, $($shape:ident)*) => {
        for seed in 0..VALUES {
            let mut random = Rng::with_seed(seed);
            let draft = $stage.draft().await;
            $(draft.insert(stringify!($shape), &$shape::any(&mut random)).expect(stringify!($shape));)*
            draft.save().await.expect("there").into_result().expect("saved");
            let again = $stage.open(&crate::common::token(&draft)).await;
            let mut random = Rng::with_seed(seed);
            $(
                let read = again.require::<$shape>(stringify!($shape)).expect(stringify!($shape));
                assert_eq!(read, $shape::any(&mut random), "seed {seed}");
            )*
        }
    };
}

#[tokio::test]
async fn a_value_of_any_shape_reads_back_equal() {
    let stage = stage(|with| with).await;
    each_reads_back!(stage, Basics Wide Maps Skipping External Internal Adjacent Untagged Tuples Loose Flat Rest Deep);
}

/// Announces two elements and writes another number.
struct Announced(usize);

impl Serialize for Announced {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut two = serializer.serialize_seq(Some(2))?;
        (0..self.0).try_for_each(|element| two.serialize_element(&element))?;
        two.end()
    }
}

/// The same as a map.
struct AnnouncedMap(usize);

impl Serialize for AnnouncedMap {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut two = serializer.serialize_map(Some(2))?;
        (0..self.0).try_for_each(|element| two.serialize_entry(&element, ""))?;
        two.end()
    }
}

#[tokio::test]
async fn a_value_with_another_length_than_announced_is_rejected() {
    let stage = stage(|with| with).await;
    let draft = stage.draft().await;
    for length in [0, 1, 3] {
        assert!(matches!(draft.insert("a", &Announced(length)), Err(Error::Encode { .. })), "{length}");
        assert!(matches!(draft.insert("a", &[AnnouncedMap(length)]), Err(Error::Encode { .. })), "{length}");
    }
    assert!(!draft.contains("a") && !draft.is_dirty());
    draft.insert("a", &(Announced(2), AnnouncedMap(2))).expect("legal");
    assert_eq!(
        draft.pop::<([u8; 2], std::collections::BTreeMap<u8, String>)>("a").expect("reads").expect("there").0,
        [0, 1]
    );
}

/// A value in n nested arrays.
fn nested(levels: usize) -> serde_json::Value {
    (0..levels).fold(serde_json::Value::Null, |inner, _| vec![inner].into())
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
enum Chain {
    End,
    Next(Box<Self>),
}

#[tokio::test]
async fn a_value_nested_deeper_than_256_levels_is_rejected() {
    let stage = stage(|with| with).await;
    let draft = stage.draft().await;
    draft.insert("a", &nested(256)).expect("legal");
    assert_eq!(draft.pop("a").expect("reads"), Some(nested(256)));
    let error = draft.insert("a", &nested(257)).expect_err("too deep");
    let source = std::error::Error::source(&error).map(ToString::to_string);
    assert_eq!(source.as_deref(), Some("it is nested more than 256 levels deep"), "{error:?}");
    let chain = |levels| (0..levels).fold(Chain::End, |inner, _| Chain::Next(Box::new(inner)));
    draft.insert("a", &chain(256)).expect("legal");
    assert_eq!(draft.pop("a").expect("reads"), Some(chain(256)));
    assert!(matches!(draft.insert("a", &chain(257)), Err(Error::Encode { .. })));
    assert!(!draft.is_dirty());
}

#[tokio::test]
async fn a_value_that_fails_to_serialize_changes_nothing() {
    let stage = stage(|with| with).await;
    let (session, token) = stage.guest().await;
    let before_1970 = std::time::SystemTime::UNIX_EPOCH - std::time::Duration::from_secs(1);
    assert!(matches!(session.insert("a", &before_1970), Err(Error::Encode { field, .. }) if field == "a"));
    assert!(!session.is_dirty());
    assert_eq!(stage.open(&token).await.require::<i32>("a").expect("reads"), 1);
}

#[tokio::test]
async fn losses_of_serde_are_as_documented_at_insert() {
    let stage = stage(|with| with).await;
    let draft = stage.draft().await;
    draft.insert("a", &Some(None::<u8>)).expect("legal");
    assert_eq!(draft.pop("a").expect("reads"), Some(None::<Option<u8>>));
    #[derive(Debug, Serialize, Deserialize)]
    #[serde(tag = "kind")]
    enum Tagged {
        Wide { number: u128 },
    }
    draft.insert("a", &Tagged::Wide { number: u128::MAX }).expect("legal");
    assert!(matches!(draft.get::<Tagged>("a"), Err(Error::Decode { source: DecodeError::Value(_), .. })));
    assert_eq!(draft.kind("a"), Some(FieldKind::Value));
    draft.remove("a").expect("a draft");
}
