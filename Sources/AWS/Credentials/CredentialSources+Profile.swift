import Foundation

extension CredentialSources {
    func fromSharedFiles() async throws -> CredentialFinding {
        let files = try SharedFiles(hostEnvironment)
        guard files.chosen != nil else {
            guard !files.isNamed else {
                throw AWSCredentialError.unusable(
                    place: "profile \(files.profileName)",
                    problem: "AWS_PROFILE names it, but neither \(files.credentialsPath) nor \(files.configPath) has it"
                )
            }
            return .absent(files.absence)
        }
        guard let found = try await credentials(ofProfile: files.profileName, in: files, through: []) else {
            guard !files.isNamed else {
                throw AWSCredentialError.unusable(
                    place: files.place(of: files.profileName),
                    problem: "it has no keys, no credential_process and no role")
            }
            return .absent(files.absence)
        }
        return .found(found)
    }

    /// Nil when the profile configures no credentials. `visited` are the profiles that refer to this one with
    /// `source_profile`, to detect a cycle.
    private func credentials(
        ofProfile name: String, in files: SharedFiles, through visited: [String]
    ) async throws -> AWSCredentials? {
        guard let profile = files.profile(name) else {
            throw AWSCredentialError.unusable(
                place: "profile \(visited.last ?? name)", problem: "its source_profile \(name) does not exist")
        }
        let place = files.place(of: name)
        func unusable(_ problem: String) -> AWSCredentialError { .unusable(place: place, problem: problem) }

        // A profile that is its own source_profile uses its own keys.
        if let role = profile["role_arn"], visited.last != name {
            guard !visited.contains(name) else { throw unusable("source_profile refers back to the profile") }
            if let file = profile["web_identity_token_file"] {
                return try await webIdentity(
                    file: file, role: role, session: profile["role_session_name"], place: place)
            }
            if profile["mfa_serial"] != nil {
                throw unusable("its role requires a second factor (mfa_serial), which cannot be entered here")
            }
            let source = try await source(of: profile, name: name, in: files, visited: visited, unusable: unusable)
            do {
                return try await SecurityTokenService(hostEnvironment).assume(
                    role: role, session: profile["role_session_name"], externalID: profile["external_id"],
                    seconds: profile["duration_seconds"].flatMap { Int($0) }, with: source,
                    source: "role \(role) of \(place)")
            } catch let error as AWSError {
                throw unusable(error.description)
            }
        }
        if let key = profile["aws_access_key_id"], !key.isEmpty {
            guard let secret = profile["aws_secret_access_key"], !secret.isEmpty else {
                throw unusable("it has aws_access_key_id, but no aws_secret_access_key")
            }
            let token = profile["aws_session_token"].flatMap { $0.isEmpty ? nil : $0 }
            return AWSCredentials(accessKeyID: key, secretAccessKey: secret, sessionToken: token, source: place)
        }
        if let command = profile["credential_process"], !command.isEmpty {
            return try await process(command, place: place)
        }
        if profile.keys.contains(where: { $0.hasPrefix("sso_") }) {
            throw unusable(
                "it signs in through a browser (SSO); add a profile with `credential_process = aws configure "
                    + "export-credentials --profile \(name) --format process` and name that one in AWS_PROFILE")
        }
        return nil
    }

    /// The credentials that assume the role.
    private func source(
        of profile: SharedFiles.Section, name: String, in files: SharedFiles, visited: [String],
        unusable: (String) -> AWSCredentialError
    ) async throws -> AWSCredentials {
        if let other = profile["source_profile"] {
            guard let found = try await credentials(ofProfile: other, in: files, through: visited + [name]) else {
                throw unusable("its source_profile \(other) has no credentials")
            }
            return found
        }
        let finding: CredentialFinding
        switch profile["credential_source"] {
        case "Environment"?: finding = try fromEnvironment()
        case "EcsContainer"?: finding = try await fromContainer()
        case "Ec2InstanceMetadata"?: finding = try await fromInstance()
        case let other?:
            throw unusable(
                "credential_source is \(other); it must be Environment, EcsContainer or Ec2InstanceMetadata")
        case nil: throw unusable("it has role_arn, but neither source_profile nor credential_source")
        }
        switch finding {
        case .found(let credentials): return credentials
        case .absent(let reason): throw unusable("its credential_source has no credentials: \(reason)")
        }
    }

    /// Reads the output of a program: https://docs.aws.amazon.com/sdkref/latest/guide/feature-process-credentials.html
    private func process(_ command: String, place: String) async throws -> AWSCredentials {
        func unusable(_ problem: String) -> AWSCredentialError {
            .unusable(place: place, problem: "its credential_process \(problem)")
        }
        guard let run = hostEnvironment.run else { throw unusable("is not supported here") }
        guard let arguments = ShellWords.split(command), !arguments.isEmpty else {
            throw unusable("has an unclosed quotation mark")
        }
        let output: String
        do {
            output = try await run(arguments)
        } catch {
            if Task.isCancelled { throw error }
            throw unusable("failed: \(error)")
        }
        guard let answer = try? Decoding.json().decode(ProcessAnswer.self, from: Data(output.utf8)) else {
            throw unusable("did not print JSON with AccessKeyId and SecretAccessKey")
        }
        guard answer.version == 1 else { throw unusable("printed Version \(answer.version), not 1") }
        return AWSCredentials(
            accessKeyID: answer.accessKeyId, secretAccessKey: answer.secretAccessKey,
            sessionToken: answer.sessionToken, expiration: answer.expiration.flatMap { Date(awsText: $0) },
            source: "credential_process of \(place)")
    }

    private struct ProcessAnswer: Decodable {
        var version: Int
        var accessKeyId: String
        var secretAccessKey: String
        var sessionToken: String?
        var expiration: String?
    }
}

/// Splits text into words like a POSIX shell, without expansions.
enum ShellWords {
    /// Nil for an unclosed quotation mark.
    static func split(_ text: String) -> [String]? {
        var words: [String] = []
        var word: String?
        var quote: Character?
        var characters = text.makeIterator()
        while let character = characters.next() {
            switch (character, quote) {
            case ("'", nil), ("\"", nil):
                quote = character
                word = word ?? ""
            case (let end, let open?) where end == open: quote = nil
            case ("\\", nil), ("\\", "\""?): word = (word ?? "") + (characters.next().map(String.init) ?? "\\")
            case (let space, nil) where space.isWhitespace:
                if let done = word { words.append(done) }
                word = nil
            default: word = (word ?? "") + String(character)
            }
        }
        guard quote == nil else { return nil }
        if let word { words.append(word) }
        return words
    }
}
