import Controller
import Foundation
import ViridianConfiguration

extension AdoptionView.File {
    /// The app's file beside `viridian.yaml` (`main`), written if there is none; an existing one is compared.
    ///
    /// With `isShownOnly` nothing is written.
    /// - Throws: `Refusal` where the configuration would not be valid with the file; then it is not there.
    init(_ adoption: Adoption, besides main: String, isShownOnly: Bool) throws {
        let name = adoption.app.name
        let configuration = try Configuration.load(file: main)
        let path = URL(fileURLWithPath: main).deletingLastPathComponent().appending(path: "apps/\(name).yaml").path
        self.init(path: path, state: .shown, text: adoption.text, differences: [])
        if let existing = configuration.apps.first(where: { $0.name == name }) {
            differences = AdoptionDifference.between(existing, adoption.app)
            state = differences.isEmpty ? .agrees : .differs
            return
        }
        guard !isShownOnly else { return }
        guard try NewFile.write(text, to: path) else {
            throw Refusal(
                "\(path) exists and was not changed, but `apps` in \(main) does not include it, or it is another app's")
        }
        do {
            let written = try Configuration.load(file: main)
            guard let app = written.apps.first(where: { $0.name == name }) else {
                throw Refusal("`apps` in \(main) does not include apps/\(name).yaml; `apps: apps/*.yaml` does")
            }
            let misread = AdoptionDifference.between(app, adoption.app)
            guard misread.isEmpty else {
                throw Refusal("the written file says something else: \(misread.map(\.text).joined(separator: "; "))")
            }
            state = .written
        } catch {
            try? FileManager.default.removeItem(atPath: path)
            throw Refusal("\(name) was not adopted, because its file would not be valid: \(error)")
        }
    }
}
