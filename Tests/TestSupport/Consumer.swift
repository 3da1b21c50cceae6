import Testing

/// Programs and libraries of others that read what Viridian writes. A test whose consumer is missing is skipped, and says which;
/// `script/test` counts them at its end.
extension Trait where Self == ConditionTrait {
    /// Needs these programs, on `PATH`, where daemons live, or where script/bootstrap puts those of PyPI.
    package static func needs(_ programs: String...) -> Self {
        let missing = programs.filter { Python.program($0) == nil }
        return .enabled(if: missing.isEmpty, "no \(missing.joined(separator: ", ")) on PATH")
    }

    /// Needs these modules of Python, for example `"hcl2, boto3"`.
    package static func needsPython(_ modules: String) -> Self {
        .enabled("no python3 with \(modules)") { await Python.find(modules) != nil }
    }
}
