-- What a login across slots puts aside between its steps.

