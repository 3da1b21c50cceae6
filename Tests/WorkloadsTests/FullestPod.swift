/// A pod template with every field that Kubernetes 1.20 and later accept together, and the colour in its usual places.
enum FullestPod {
    static let template = """
        {"metadata": {
           "labels": {"name": "blog-blue", "tier": "web"},
           "annotations": {"prometheus.io/scrape": "true", "example.com/from": "another tool",
                           "kubectl.kubernetes.io/restartedAt": "2015-10-25T14:34:03Z"}},
         "spec": {
           "automountServiceAccountToken": false, "dnsPolicy": "None",
           "dnsConfig": {"nameservers": ["10.0.0.2"], "searches": ["blog.svc"], "options": [{"name": "ndots", "value": "2"}]},
           "enableServiceLinks": false, "hostAliases": [{"ip": "10.1.2.3", "hostnames": ["db", "db.local"]}],
           "hostname": "web", "subdomain": "pods", "setHostnameAsFQDN": true, "nodeSelector": {"role": "web"},
           "imagePullSecrets": [{"name": "registry"}, {"name": "mirror"}], "priorityClassName": "system-cluster-critical",
           "preemptionPolicy": "PreemptLowerPriority", "readinessGates": [{"conditionType": "example.com/registered"}],
           "restartPolicy": "Always", "runtimeClassName": "runc", "schedulerName": "another-scheduler",
           "serviceAccountName": "blog", "shareProcessNamespace": true, "terminationGracePeriodSeconds": 47,
           "securityContext": {
             "fsGroup": 2000, "fsGroupChangePolicy": "OnRootMismatch", "runAsGroup": 3000, "runAsNonRoot": true,
             "runAsUser": 1000, "supplementalGroups": [4000, 5000], "seLinuxOptions": {"level": "s0:c123,c456"},
             "seccompProfile": {"type": "RuntimeDefault"}, "sysctls": [{"name": "net.ipv4.ip_unprivileged_port_start", "value": "0"}]},
           "tolerations": [
             {"key": "web", "operator": "Equal", "value": "only", "effect": "NoSchedule"},
             {"key": "node.kubernetes.io/unreachable", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 30}],
           "topologySpreadConstraints": [
             {"maxSkew": 2, "topologyKey": "zone", "whenUnsatisfiable": "ScheduleAnyway",
              "labelSelector": {"matchLabels": {"name": "blog-blue"}}}],
           "affinity": {
             "nodeAffinity": {
               "requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [
                 {"matchExpressions": [{"key": "disk", "operator": "In", "values": ["ssd", "nvme"]}],
                  "matchFields": [{"key": "metadata.name", "operator": "NotIn", "values": ["old-1"]}]}]},
               "preferredDuringSchedulingIgnoredDuringExecution": [
                 {"weight": 7, "preference": {"matchExpressions": [{"key": "cpu", "operator": "Gt", "values": ["8"]}]}}]},
             "podAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [
               {"weight": 5, "podAffinityTerm": {"topologyKey": "kubernetes.io/hostname", "namespaces": ["cache"],
                "labelSelector": {"matchExpressions": [{"key": "name", "operator": "In", "values": ["redis"]}]}}}]},
             "podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [
               {"topologyKey": "kubernetes.io/hostname", "labelSelector": {"matchLabels": {"name": "blog-blue"}}}]}},
           "initContainers": [
             {"name": "migrate", "image": "registry.local:5000/migrate:7", "command": ["migrate"], "args": ["--all"],
              "env": [{"name": "EMPTY"}, {"name": "ONE", "value": "1"}],
              "volumeMounts": [{"name": "empty", "mountPath": "/work"}]}],
           "containers": [\(containers)],
           "volumes": [\(volumes)]}}
        """

    private static let containers = """
        {"name": "blog", "image": "registry.local:5000/blog:20151018.090000", "imagePullPolicy": "Always",
         "command": ["/bin/app"], "args": ["--port", "9000", "$(POD_NAME)"], "workingDir": "/code",
         "stdin": true, "stdinOnce": true, "tty": true,
         "terminationMessagePath": "/tmp/last-words", "terminationMessagePolicy": "FallbackToLogsOnError",
         "ports": [{"name": "fcgi", "containerPort": 9000, "protocol": "TCP"},
                   {"name": "stats", "containerPort": 9100, "hostPort": 19100, "hostIP": "127.0.0.1", "protocol": "UDP"}],
         "env": [
           {"name": "COLOR_OF_LOGO", "value": "blue"}, {"name": "NAME_OF_SHIP", "value": "blog-blue"},
           {"name": "DATABASE_URL", "valueFrom": {"secretKeyRef": {"name": "blog-db", "key": "url", "optional": true}}},
           {"name": "MODE", "valueFrom": {"configMapKeyRef": {"name": "blog", "key": "mode"}}},
           {"name": "POD_NAME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name", "apiVersion": "v1"}}},
           {"name": "LIMIT", "valueFrom": {"resourceFieldRef":
             {"containerName": "blog", "resource": "limits.memory", "divisor": "1Mi"}}}],
         "envFrom": [{"prefix": "APP_", "configMapRef": {"name": "blog-settings", "optional": true}},
                     {"secretRef": {"name": "blog-secrets"}}],
         "resources": {"limits": {"cpu": "500m", "memory": "64Mi", "ephemeral-storage": "1Gi", "example.com/gpu": "1"},
                       "requests": {"cpu": "100m", "memory": "32Mi", "example.com/gpu": "1"}},
         "livenessProbe": {"exec": {"command": ["/bin/alive", "--quick"]}, "initialDelaySeconds": 9, "failureThreshold": 4},
         "readinessProbe": {"httpGet": {"path": "/ready?deep=1", "port": "fcgi", "host": "127.0.0.1", "scheme": "HTTPS",
                            "httpHeaders": [{"name": "X-Probe", "value": "1"}]}, "timeoutSeconds": 3, "periodSeconds": 2,
                            "successThreshold": 2},
         "startupProbe": {"tcpSocket": {"port": 9000, "host": "127.0.0.1"}, "failureThreshold": 30},
         "lifecycle": {"postStart": {"exec": {"command": ["/bin/hello"]}},
                       "preStop": {"httpGet": {"path": "/drain", "port": 9000, "scheme": "HTTP"}}},
         "securityContext": {"allowPrivilegeEscalation": false, "capabilities": {"add": ["NET_BIND_SERVICE"], "drop": ["ALL"]},
                             "privileged": false, "procMount": "Default", "readOnlyRootFilesystem": true,
                             "runAsUser": 1001, "runAsGroup": 3001, "runAsNonRoot": true,
                             "seLinuxOptions": {"type": "svirt"}, "seccompProfile": {"type": "Unconfined"}},
         "volumeDevices": [{"name": "claim", "devicePath": "/dev/xvda"}],
         "volumeMounts": [
           {"name": "empty", "mountPath": "/tmp"},
           {"name": "settings", "mountPath": "/etc/app", "readOnly": true, "subPath": "app"},
           {"name": "host", "mountPath": "/host", "mountPropagation": "HostToContainer", "subPathExpr": "$(POD_NAME)"}]},
        {"name": "proxy", "image": "registry.local:5000/proxy:3", "imagePullPolicy": "IfNotPresent"}
        """

    private static let volumes = """
        {"name": "empty", "emptyDir": {"medium": "Memory", "sizeLimit": "64Mi"}},
        {"name": "settings", "configMap": {"name": "blog", "defaultMode": 288, "optional": true,
          "items": [{"key": "mode", "path": "app/mode", "mode": 256}]}},
        {"name": "secret", "secret": {"secretName": "blog-secrets", "defaultMode": 256, "optional": false,
          "items": [{"key": "a", "path": "b"}]}},
        {"name": "host", "hostPath": {"path": "/var/lib/blog", "type": "DirectoryOrCreate"}},
        {"name": "claim", "persistentVolumeClaim": {"claimName": "blog", "readOnly": true}},
        {"name": "share", "nfs": {"server": "nfs.local", "path": "/blog", "readOnly": true}},
        {"name": "downward", "downwardAPI": {"defaultMode": 420, "items": [
          {"path": "labels", "fieldRef": {"fieldPath": "metadata.labels", "apiVersion": "v1"}},
          {"path": "cpu", "mode": 256, "resourceFieldRef":
            {"containerName": "blog", "resource": "limits.cpu", "divisor": "1m"}}]}},
        {"name": "all", "projected": {"defaultMode": 416, "sources": [
          {"secret": {"name": "blog-secrets", "items": [{"key": "a", "path": "s/a"}], "optional": true}},
          {"configMap": {"name": "blog", "items": [{"key": "mode", "path": "c/mode"}]}},
          {"downwardAPI": {"items": [{"path": "name", "fieldRef": {"fieldPath": "metadata.name", "apiVersion": "v1"}}]}},
          {"serviceAccountToken": {"audience": "vault", "expirationSeconds": 3600, "path": "token"}}]}},
        {"name": "block", "iscsi": {"targetPortal": "10.0.2.15:3260", "iqn": "iqn.2015-10.local:blog", "lun": 1,
          "fsType": "ext4", "readOnly": true, "chapAuthSession": true, "secretRef": {"name": "chap"}}},
        {"name": "csi", "csi": {"driver": "inline.example.com", "fsType": "ext4", "readOnly": true,
          "volumeAttributes": {"size": "1Gi"}, "nodePublishSecretRef": {"name": "csi"}}}
        """
}
