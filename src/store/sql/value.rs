//! What is bound to a statement.

/// A value on its way to a database.
#[derive(Clone, Debug)]
pub(crate) enum Value {
    Int(Option<i64>),
    Text(Option<String>),
    Bytes(Vec<u8>),
}

macro_rules! from {
    ($($type:ty, $value:ident => $made:expr;)+) => {$(
        impl From<$type> for Value {
            fn from($value: $type) -> Self {
                $made
            }
        }
    )+};
}

from! {
    i64, value => Self::Int(Some(value));
    u32, value => Self::Int(Some(i64::from(value)));
    bool, value => Self::Int(Some(i64::from(value)));
    Option<i64>, value => Self::Int(value);
    Option<bool>, value => Self::Int(value.map(i64::from));
    String, value => Self::Text(Some(value));
    &String, value => Self::Text(Some(value.clone()));
    &str, value => Self::Text(Some(value.to_owned()));
    Option<String>, value => Self::Text(value);
    &Option<String>, value => Self::Text(value.clone());
    Option<&String>, value => Self::Text(value.cloned());
    Vec<u8>, value => Self::Bytes(value);
    &[u8], value => Self::Bytes(value.to_vec());
}
