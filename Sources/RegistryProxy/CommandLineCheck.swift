import ProxyConfig

/// Looks at more than the file's text: certificates, users, whatever a configuration names.
typealias ConfigurationCheck = (Configuration) -> [ConfigurationError]

/// Talks to what a configuration names; what it finds is nothing that the file could put right.
typealias ConfigurationProbe = (Configuration) -> [ConfigurationError]

/// Reads the configuration as `serve` would and prints every problem.
///
/// - Parameters:
///   - validators: run if the file itself is right; what they find counts as errors.
///   - advisors: the same for warnings.
///   - probe: asks the servers that the configuration names, if nothing is wrong so far and it is
///     wanted.
/// - Returns: 0; 3 for errors, and for warnings with `--strict`; 4 if only the probe has failed.
func runCheck(
    _ options: CheckOptions,
    validators: [ConfigurationCheck] = [],
    advisors: [ConfigurationCheck] = [],
    probe: (Configuration) -> ProbeReport = { _ in ProbeReport() }
) -> Int32 {
    check(options, validators, advisors, probe, isColoured: mayColourStandardError()).emit()
}

func check(
    _ options: CheckOptions,
    _ validators: [ConfigurationCheck],
    _ advisors: [ConfigurationCheck],
    _ probe: (Configuration) -> ProbeReport = { _ in ProbeReport() },
    isColoured: Bool = false
) -> CommandOutcome {
    let report = ConfigurationReader.read(file: options.configuration)
    var errors = report.errors
    var warnings = report.warnings
    if let configuration = report.configuration {
        errors += validators.flatMap { $0(configuration) }
        warnings += advisors.flatMap { $0(configuration) }
    }
    var unavailable: [ConfigurationError] = []
    if options.probes, errors.isEmpty, let configuration = report.configuration {
        let found = probe(configuration)
        unavailable = found.errors
        warnings += found.warnings
    }
    let isRefused = !errors.isEmpty || (options.isStrict && !warnings.isEmpty)
    errors += unavailable
    let isWrong = isRefused || !unavailable.isEmpty
    let code: ExitCode =
        isRefused ? .wrongConfiguration : unavailable.isEmpty ? .done : .unavailable
    let testCount = report.configuration.map { configuration in
        [configuration.access, configuration.shadow].compactMap(\.self).reduce(0) {
            $0 + $1.tests.count
        }
    }
    if options.isJSON {
        let output = json(errors, warnings, testCount: testCount)
        return CommandOutcome(code, standardOutput: output)
    }
    let text =
        lines(of: errors, isColoured: isColoured)
        + lines(of: warnings, prefix: "warning: ", isColoured: isColoured)
    let tests =
        switch testCount ?? 0 {
        case 0: ""
        case 1: ", and the rule test holds"
        case let count: ", and all \(count) rule tests hold"
        }
    return CommandOutcome(
        code,
        standardOutput: isWrong ? "" : "\(options.configuration): nothing is wrong\(tests)\n",
        standardError: text
    )
}

/// Prints every error of a configuration that cannot be served, for `serve`.
///
/// - Returns: 3.
func reportErrors(_ errors: [ConfigurationError]) -> Int32 {
    let text = lines(of: errors, isColoured: mayColourStandardError())
    return CommandOutcome(.wrongConfiguration, standardError: text).emit()
}

/// The object of product.md section 2.
///
/// - Parameter testCount: `nil`: there was no configuration to test. Each rule test that fails is
///   one of the errors.
private func json(
    _ errors: [ConfigurationError],
    _ warnings: [ConfigurationError],
    testCount: Int?
) -> String {
    let failed = testCount == nil ? 0 : errors.count { $0.key.hasPrefix("access.tests[") }
    let passed = testCount.map { $0 - failed } ?? 0
    func list(_ problems: [ConfigurationError]) -> String {
        let objects = problems.map {
            "{\"at\":\(jsonText($0.place)),\"key\":\(jsonText($0.key)),"
                + "\"message\":\(jsonText($0.message))}"
        }
        return "[\(objects.joined(separator: ","))]"
    }
    return "{\"errors\":\(list(errors)),\"warnings\":\(list(warnings)),"
        + "\"tests\":{\"passed\":\(passed),\"failed\":\(failed)}}\n"
}
