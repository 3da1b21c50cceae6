/// The first version of `viridian.yaml`.
package enum StartingConfiguration {
    package static let text = String(decoding: PackageResources.viridian_yaml, as: UTF8.self)
}
