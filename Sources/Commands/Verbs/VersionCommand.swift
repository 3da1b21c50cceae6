import ArgumentParser
import Controller

struct VersionCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "version",
        abstract: "Print the version of viridian, its commit and how it was built.",
        discussion: "A program that script/package did not build knows no commit: it is a development build."
    )

    @OptionGroup var output: OutputOptions

    func run() throws {
        printLine(output.output == .json ? try Build.current.jsonLine() : Build.current.line)
        try StandardOutput.check()
    }
}
