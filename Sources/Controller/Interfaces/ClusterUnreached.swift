/// The cluster did not give the lease with which everything begins: nothing was done.
package struct ClusterUnreached: Error, CustomStringConvertible {
    package var cause: any Error

    package var description: String {
        "\(cause). Nothing was changed: what is live stays live, and no release was started. viridian check shows whether the cluster "
            + "answers; when it does, do this again"
    }
}
