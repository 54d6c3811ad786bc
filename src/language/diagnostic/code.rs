//! The numbers under which the language's errors and warnings are known.

use std::fmt;

/// What is wrong, as a stable number. Tests, the editor and the API rely on the relation of number to meaning.
///
/// The discriminant is the number; warnings count from [`WARNING`] upwards.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u16)]
pub enum Code {
    /// A block that does not exist at this place.
    UnknownBlock = 1,
    /// The text is not HCL.
    Syntax = 2,
    /// A single-line block that holds more than one attribute.
    SingleLineBlock = 3,
    /// The wrong number of labels.
    Labels = 4,
    /// An attribute that does not exist at this place.
    UnknownAttribute = 5,
    /// An attribute whose value has the wrong type.
    AttributeType = 6,
    /// A required attribute or block is missing.
    MissingAttribute = 7,
    /// An attribute, or a block that may stand once, stands twice.
    Duplicate = 8,
    /// A name that is not a slug.
    NotASlug = 10,
    /// Two things of one kind with one name.
    DuplicateName = 11,
    /// A reference to something that does not exist.
    UnresolvedReference = 12,
    /// A construct of an abandoned design.
    Removed = 13,
    /// A variable type other than string, number, bool.
    VariableType = 20,
    /// A default that is not constant.
    DefaultNotConstant = 21,
    /// A reference to a variable that is not declared.
    UnknownVariable = 22,
    /// A variable without any value.
    NoValue = 23,
    /// Given values that are not a flat object.
    VarsFile = 24,
    /// A given value that does not fit the variable's type.
    ValueType = 25,
    /// A given value for a variable that is not declared.
    UndeclaredValue = 26,
    /// A secret block without key.
    SecretWithoutKey = 27,
    /// Two secret blocks in one variable.
    TwoSecrets = 28,
    /// A secret block in a variable that is not a string.
    SecretOnNonString = 29,
    /// An identifier that means nothing in an expression.
    UnknownIdentifier = 30,
    /// A run-time value where only values known at save time can stand.
    RuntimeValue = 31,
    /// A loop variable named like a run-time value.
    ReservedLoopName = 32,
    /// Secrets that need each other.
    SecretCycle = 33,
    /// A secret where none may stand.
    SecretNotAllowed = 34,
    /// A function or operator that would have to look into a secret.
    FunctionOnSecret = 35,
    /// An operation on values it cannot work on, or an unknown function.
    BadCall = 36,
    /// A function or operation that failed on these values.
    FunctionFailed = 37,
    /// A secret in the arguments of a process.
    SecretInArguments = 38,
    /// A source that is neither `pikoci://` nor `https://`.
    SourceScheme = 40,
    /// A built-in that does not exist.
    UnknownBuiltin = 41,
    /// A variable in a fetched file.
    VariableInSource = 42,
    /// A source in a fetched file.
    NestedSource = 43,
    /// A source beside the commands it would bring.
    SourceAndInline = 44,
    /// A fetched file whose digest is another.
    Digest = 45,
    /// A file that could not be fetched or used.
    FetchFailed = 46,
    /// A command without the label that names its runner.
    CommandLabel = 50,
    /// A put of a resource whose type has no push.
    PutWithoutPush = 51,
    /// A runner override on a type whose commands do not use exec.
    OverrideNeedsExec = 52,
    /// Two runner overrides.
    TwoOverrides = 53,
    /// A service type that cannot be started or stopped.
    StartStopMissing = 54,
    /// Bad tags of a job.
    Tags = 60,
    /// A concurrency below zero.
    NegativeConcurrency = 61,
    /// A bad serial group.
    SerialGroup = 62,
    /// `each` outside of a job with instances.
    EachOutside = 71,
    /// Jobs that wait for each other.
    PassedCycle = 90,
    /// A passed job that does not have the resource.
    PassedWithoutResource = 91,
    /// A task without exactly one command.
    RunCount = 92,
    /// A path that leaves the working directory.
    PathEscapes = 93,
    /// A put parameter given twice.
    DuplicatePutParam = 94,
    /// Something that may not stand in a hook.
    NotInHook = 96,
    /// Two services that cannot be told apart.
    SameServiceTwice = 97,
    /// Not a duration.
    Duration = 110,
    /// Not an interval.
    Interval = 111,
    /// An interval below the minimum.
    IntervalTooShort = 112,
    /// A construct that a later version brings.
    NotSupportedYet = 120,
    /// A legacy name.
    LegacyName = 1001,
    /// A pipeline without jobs.
    NoJobs = 1002,
    /// A job without steps.
    EmptyPlan = 1003,
    /// A parameter that the type does not declare.
    UndeclaredParam = 1004,
    /// A secret in process arguments that the operator allowed.
    SecretInArgumentsAllowed = 1005,
    /// A resource or type that nothing uses.
    Unused = 1006,
    /// Two steps of one name in a job.
    RepeatedStepName = 1007,
    /// Arguments that the runner has no place for.
    ArgumentsIgnored = 1010,
}

/// The discriminant of a warning is its number plus this.
const WARNING: u16 = 1000;

impl Code {
    /// All codes, in order.
    pub const ALL: &'static [Code] = &[
        Code::UnknownBlock,
        Code::Syntax,
        Code::SingleLineBlock,
        Code::Labels,
        Code::UnknownAttribute,
        Code::AttributeType,
        Code::MissingAttribute,
        Code::Duplicate,
        Code::NotASlug,
        Code::DuplicateName,
        Code::UnresolvedReference,
        Code::Removed,
        Code::VariableType,
        Code::DefaultNotConstant,
        Code::UnknownVariable,
        Code::NoValue,
        Code::VarsFile,
        Code::ValueType,
        Code::UndeclaredValue,
        Code::SecretWithoutKey,
        Code::TwoSecrets,
        Code::SecretOnNonString,
        Code::UnknownIdentifier,
        Code::RuntimeValue,
        Code::ReservedLoopName,
        Code::SecretCycle,
        Code::SecretNotAllowed,
        Code::FunctionOnSecret,
        Code::BadCall,
        Code::FunctionFailed,
        Code::SecretInArguments,
        Code::SourceScheme,
        Code::UnknownBuiltin,
        Code::VariableInSource,
        Code::NestedSource,
        Code::SourceAndInline,
        Code::Digest,
        Code::FetchFailed,
        Code::CommandLabel,
        Code::PutWithoutPush,
        Code::OverrideNeedsExec,
        Code::TwoOverrides,
        Code::StartStopMissing,
        Code::Tags,
        Code::NegativeConcurrency,
        Code::SerialGroup,
        Code::EachOutside,
        Code::PassedCycle,
        Code::PassedWithoutResource,
        Code::RunCount,
        Code::PathEscapes,
        Code::DuplicatePutParam,
        Code::NotInHook,
        Code::SameServiceTwice,
        Code::Duration,
        Code::Interval,
        Code::IntervalTooShort,
        Code::NotSupportedYet,
        Code::LegacyName,
        Code::NoJobs,
        Code::EmptyPlan,
        Code::UndeclaredParam,
        Code::SecretInArgumentsAllowed,
        Code::Unused,
        Code::RepeatedStepName,
        Code::ArgumentsIgnored,
    ];

    /// Whether a pipeline with this finding is still valid.
    #[must_use]
    pub fn is_warning(self) -> bool {
        self as u16 > WARNING
    }
}

impl fmt::Display for Code {
    /// `L012`, `W003`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_warning() {
            write!(f, "W{:03}", *self as u16 - WARNING)
        } else {
            write!(f, "L{:03}", *self as u16)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_printed_with_their_family() {
        assert_eq!(Code::UnknownBlock.to_string(), "L001");
        assert_eq!(Code::NotSupportedYet.to_string(), "L120");
        assert_eq!(Code::ArgumentsIgnored.to_string(), "W010");
    }

    #[test]
    fn the_list_is_in_order_and_without_repetition() {
        assert!(Code::ALL.windows(2).all(|pair| pair[0] < pair[1]));
    }
}
