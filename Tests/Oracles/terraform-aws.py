"""An account of AWS for the rendered Terraform module, played by moto on a free port: a VPC with two subnets, instances with tags, two
zones, a certificate, a bucket, and the role that Viridian runs as. Writes {"url", "variables", "nodes", "new", "other"} as one line of
JSON, and serves until it is ended.
"""

import json
import threading

import boto3
from moto.ec2.models.security_groups import SecurityGroupRule
from moto.elb.models import ELBBackend, FakeListener
from moto.elb.responses import ELBResponse
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import WSGIRequestHandler, make_server

# What moto 5.2 forgets of what it is told, and AWS does not. Without it a second plan would find differences that are moto's.

# 1. That a listener of a classic load balancer may speak HTTP with the instances where it speaks HTTPS with visitors.
create_load_balancer = ELBResponse.create_load_balancer


def create_with_protocols(self):
    answer = create_load_balancer(self)
    balancer = self.elb_backend.get_load_balancer(self._get_param("LoadBalancerName"))
    for listener, asked in zip(balancer.listeners, self._get_param("Listeners", [])):
        listener.instance_protocol = asked["InstanceProtocol"].upper()
    return answer


FakeListener.instance_protocol = None
ELBResponse.create_load_balancer = create_with_protocols

# 2. The length of connection draining, where a later call says only that there is draining.
modify_attributes = ELBBackend.modify_load_balancer_attributes


def modify_with_draining(self, name, *others, **attributes):
    draining = attributes.get("connection_draining")
    if draining:
        known = self.get_load_balancer(name).attributes["connection_draining"]
        draining["timeout"] = draining.pop("Timeout", known.get("timeout", 300))
    modify_attributes(self, name, *others, **attributes)


ELBBackend.modify_load_balancer_attributes = modify_with_draining

# 3. The description of a rule that names another group.
SecurityGroupRule.description = property(
    lambda self: self.ip_range.get("Description") or (self.source_group or {}).get("Description")
)


class Quiet(WSGIRequestHandler):
    def log_request(self, *_):
        pass


server = make_server(
    "127.0.0.1", 0, DomainDispatcherApplication(create_backend_app), threaded=True, request_handler=Quiet
)
url = "http://127.0.0.1:%d" % server.server_port
threading.Thread(target=server.serve_forever, daemon=True).start()

root = dict(endpoint_url=url, region_name="us-east-1", aws_access_key_id="test", aws_secret_access_key="test")
ec2, route53, acm, iam, s3 = (boto3.client(name, **root) for name in ("ec2", "route53", "acm", "iam", "s3"))

vpc = ec2.create_vpc(CidrBlock="127.0.0.0/16")["Vpc"]["VpcId"]
subnets = [
    ec2.create_subnet(VpcId=vpc, CidrBlock=block, AvailabilityZone=zone)["Subnet"]["SubnetId"]
    for block, zone in (("127.0.1.0/24", "us-east-1a"), ("127.0.2.0/24", "us-east-1b"))
]
image = ec2.describe_images(Owners=["amazon"])["Images"][0]["ImageId"]


def run(address, subnet, **tags):
    tagged = [{"Key": key, "Value": value} for key, value in tags.items()]
    return ec2.run_instances(
        ImageId=image, MinCount=1, MaxCount=1, SubnetId=subnet, PrivateIpAddress=address,
        TagSpecifications=[{"ResourceType": "instance", "Tags": tagged}],
    )["Instances"][0]["InstanceId"]


nodes = [run("127.0.1.11", subnets[0], role="kubernetes-node"), run("127.0.2.12", subnets[1], role="kubernetes-node")]
new = run("127.0.1.13", subnets[0], Name="new")
other = run("127.0.1.14", subnets[0], role="database")
stopped = run("127.0.1.15", subnets[0], role="kubernetes-node")
ec2.stop_instances(InstanceIds=[stopped])

zones = {
    name: route53.create_hosted_zone(Name=name, CallerReference=name)["HostedZone"]["Id"].rpartition("/")[2]
    for name in ("domain.com", "blog.domain.com", "com")
}
certificate = acm.request_certificate(DomainName="domain.com", SubjectAlternativeNames=["*.domain.com"])["CertificateArn"]

trust = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}]}
iam.create_role(RoleName="viridian-server", AssumeRolePolicyDocument=json.dumps(trust))

s3.create_bucket(Bucket="domain-deploy")
for key in ("blog/v1.tgz", "www/secret.tgz"):
    s3.put_object(Bucket="domain-deploy", Key=key, Body=b"archive")

variables = {
    "vpc_id": vpc,
    "subnet_ids": subnets,
    "zones": zones,
    "certificate_arn": certificate,
    "tag_instance_ids": [new],
    "attach_security_group": True,
    "viridian_role_name": "viridian-server",
    "tags": {"team": "web"},
}
print(json.dumps({"url": url, "variables": variables, "nodes": nodes, "new": new, "other": other}), flush=True)
threading.Event().wait()
