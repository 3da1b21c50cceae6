import Testing

/// Complete releases. Serialized: each keeps the machine busy, and some measure seconds.
@Suite(.serialized, .timeLimit(.minutes(10))) enum Releases {}

/// Tests without a complete release: wrong input, reading verbs, the sandbox with kubectl.
@Suite(.serialized, .timeLimit(.minutes(10))) enum ShortCommands {}
