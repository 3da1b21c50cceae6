import Testing

/// Releases from end to end. One after the other: each keeps a machine busy, and some count seconds.
@Suite(.serialized, .timeLimit(.minutes(3))) enum Releases {}

/// What does not take a whole release: wrong input, reading verbs, the sandbox for kubectl.
@Suite(.serialized, .timeLimit(.minutes(3))) enum ShortCommands {}
