import Nginx
import Scaffold
import Testing
import ViridianConfiguration

/// What is rendered for the article's app, beside the article's own files.
@Suite("the article's files")
struct ArticleTests {
    @Test("services have the article's fields and no others")
    func services() throws {
        let text = try rendered(.kubernetes, configuration([try blog()]))
        let article = """
            apiVersion: v1
            kind: Service
            metadata:
              name: blog-blue
              namespace: blog
              labels:
                name: blog-blue
            spec:
              type: NodePort
              ports:
              - port: 9000
                nodePort: 30000
              selector:
                name: blog-blue
            ---
            apiVersion: v1
            kind: Service
            metadata:
              name: blog-green
              namespace: blog
              labels:
                name: blog-green
            spec:
              type: NodePort
              ports:
              - port: 9000
                nodePort: 30001
              selector:
                name: blog-green

            """
        let body = text.split(separator: "\n", omittingEmptySubsequences: false).drop { $0.hasPrefix("#") }
        #expect(
            body.joined(separator: "\n") == "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: blog\n---\n" + article)
    }

    @Test("the upstream file is the article's, with the cure for max_fails")
    func upstream() throws {
        let files = try Rendering.nginx.files(configuration([try blog()]), apps: [try blog()])
        let file = try #require(files.first { $0.path == "etc/nginx/backends.d/blog.conf" })
        #expect(
            lines(file.text.replacing(" max_fails=0", with: "")) == [
                "upstream blogLB {", "server 127.0.0.1:30000;", "server 127.0.0.1:30001 down;", "}",
            ])
        let parsed = try UpstreamFile(parsing: file.text)
        let ports = PortPair(blue: 30000, green: 30001)
        #expect(try parsed.routing(of: "blogLB", ports: ports) == .only(30000))
        #expect(try parsed.serversThatMayFail(in: "blogLB", ports: ports).isEmpty)
    }

    @Test("the virtual host has the article's lines in their order, and tells PHP that the visitor came by https")
    func host() throws {
        // In the article the static files are on the nodes.
        let app = try blog { $0.artifact = .init(from: "s3://deploy/blog/{version}.tgz", to: "/srv/blog") }
        let files = try Rendering.nginx.files(configuration([app]), apps: [app])
        let file = try #require(files.first { $0.path == "etc/nginx/conf.d/blog.conf" })
        // Without `proxy_set_header X-Forwarded-Proto https`, which does nothing beside fastcgi_pass: `HTTPS on` is what it is for.
        let article = #"""
            include /etc/nginx/backends.d/blog.conf;
            server {
            listen 80;
            server_name blog.domain.com;
            if ($http_x_forwarded_proto != "https") {
            return 301 https://$host$request_uri;
            }
            access_log /var/log/nginx/blog.access.log extra;
            error_log /var/log/nginx/blog.error.log;
            root /srv/blog/current/public;
            index index.php index.html index.htm;
            location ~* \.(png|jpg|jpeg|gif|swf|xml|txt|ico|pdf|flv)$ {
            expires 365d;
            }
            location / {
            location ~ /\.ht { deny all; }
            try_files $uri $uri/ /index.php$is_args$args;
            }
            location ~ \.php$ {
            try_files $uri =404;
            fastcgi_pass blogLB;
            fastcgi_index index.php;
            fastcgi_param SCRIPT_FILENAME /code/public/$fastcgi_script_name;
            include fastcgi_params;
            fastcgi_param HTTPS on;
            fastcgi_param APPLICATION_ENV production;
            }
            }
            """#
        var rest = lines(file.text)[...]
        for line in lines(article) {
            let found = try #require(rest.firstIndex(of: line), "\(line), after \(rest.first ?? "the end")")
            rest = rest[(found + 1)...]
        }
        let shared = try #require(files.first { $0.path == "etc/nginx/conf.d/00-viridian.conf" })
        #expect(shared.text.contains("\nlog_format extra "))
    }

    @Test("the state that seeds upstream files is the article's")
    func salt() throws {
        let files = try Rendering.salt.files(configuration([try blog()]), apps: [try blog()])
        let states = try #require(files.first { $0.path == "salt/kubernetes/nginx.sls" })
        let article = """

            /etc/nginx/backends.d:
              file.recurse:
                - source: salt://kubernetes/files/node/nginx/backends.d
                - template: jinja
                - file_mode: 644
                - makedirs: True
                - replace: False

            """
        #expect(states.text.contains(article))
        let seed = try #require(
            files.first { $0.path == "salt/kubernetes/files/node/nginx/backends.d/blog.conf" })
        #expect(
            try UpstreamFile(parsing: seed.text).routing(of: "blogLB", ports: .init(blue: 30000, green: 30001))
                == .only(30000))
        #expect(files.contains { $0.path == "salt/kubernetes/files/services/blog.yaml" })
    }
}
