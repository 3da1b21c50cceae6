"""What is in AWS after the rendered Terraform module was applied: reads {"url"} on standard input, asks the API, and writes one object.
Last it makes the API check rights, and tries those of the role that Viridian runs as.
"""

import json
import sys
import urllib.request

import boto3
from botocore.exceptions import ClientError

url = json.load(sys.stdin)["url"]
root = dict(endpoint_url=url, region_name="us-east-1", aws_access_key_id="test", aws_secret_access_key="test")
ec2, elb, route53, iam, sts = (boto3.client(name, **root) for name in ("ec2", "elb", "route53", "iam", "sts"))

balancer = elb.describe_load_balancers()["LoadBalancerDescriptions"][0]
attributes = elb.describe_load_balancer_attributes(LoadBalancerName=balancer["LoadBalancerName"])["LoadBalancerAttributes"]


def listener(description):
    one = description["Listener"]
    return "%s:%d -> %s:%d %s" % (
        one["Protocol"], one["LoadBalancerPort"], one["InstanceProtocol"], one["InstancePort"],
        ",".join(description["PolicyNames"]) or "-",
    )


def rules(group):
    named = {one["GroupId"]: one["Description"] for one in ec2.describe_security_groups()["SecurityGroups"]}
    found = ec2.describe_security_group_rules(Filters=[{"Name": "group-id", "Values": [group]}])["SecurityGroupRules"]
    texts = []
    for rule in found:
        other = rule.get("ReferencedGroupInfo", {}).get("GroupId")
        peer = rule.get("CidrIpv4") or rule.get("CidrIpv6") or named[other]
        ports = "all" if rule["IpProtocol"] == "-1" else "%s %d-%d" % (rule["IpProtocol"], rule["FromPort"], rule["ToPort"])
        texts.append("%s %s %s" % ("out" if rule["IsEgress"] else "in", ports, peer))
    return sorted(texts)


groups = {
    one["Description"]: one["GroupId"] for one in ec2.describe_security_groups()["SecurityGroups"]
    if one["GroupName"].startswith("viridian-")
}
instances = [one for reservation in ec2.describe_instances()["Reservations"] for one in reservation["Instances"]]
records = {}
for zone in route53.list_hosted_zones()["HostedZones"]:
    for record in route53.list_resource_record_sets(HostedZoneId=zone["Id"])["ResourceRecordSets"]:
        if "AliasTarget" in record:
            key = "%s %s" % (record["Name"].rstrip("."), record["Type"])
            records[key] = "%s in %s" % (record["AliasTarget"]["DNSName"].rstrip("."), zone["Name"].rstrip("."))

role = iam.list_attached_role_policies(RoleName="viridian-server")["AttachedPolicies"]
policy = iam.get_policy(PolicyArn=role[0]["PolicyArn"])["Policy"]
document = iam.get_policy_version(PolicyArn=policy["Arn"], VersionId=policy["DefaultVersionId"])["PolicyVersion"]["Document"]
profile = iam.list_instance_profiles()["InstanceProfiles"][0]

facts = {
    "healthCheck": balancer["HealthCheck"]["Target"],
    "listeners": sorted(map(listener, balancer["ListenerDescriptions"])),
    "draining": "%(Timeout)d s" % attributes["ConnectionDraining"] if attributes["ConnectionDraining"]["Enabled"] else "none",
    "instances": sorted(one["InstanceId"] for one in balancer["Instances"]),
    "balancerGroups": [name for name, group in groups.items() if group in balancer["SecurityGroups"]],
    "rules": {name: rules(group) for name, group in groups.items()},
    "inNodesGroup": sorted(
        one["Attachment"]["InstanceId"] for one in ec2.describe_network_interfaces()["NetworkInterfaces"]
        if groups["The load balancer to nginx on the nodes"] in [group["GroupId"] for group in one["Groups"]]
    ),
    "tagged": {one["InstanceId"]: {tag["Key"]: tag["Value"] for tag in one.get("Tags", [])} for one in instances},
    "records": records,
    "dnsName": balancer["DNSName"],
    "policy": sorted(
        "%s %s" % (action, resource)
        for statement in document["Statement"]
        for action in ([statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"])
        for resource in ([statement["Resource"]] if isinstance(statement["Resource"], str) else statement["Resource"])
    ),
    "nodeRole": [one["RoleName"].startswith("viridian-nodes-") for one in profile["Roles"]],
    "teamOfTheRole": iam.list_role_tags(RoleName=profile["Roles"][0]["RoleName"])["Tags"],
}

keys = sts.assume_role(RoleArn="arn:aws:iam::123456789012:role/viridian-server", RoleSessionName="viridian")["Credentials"]
account = dict(
    endpoint_url=url, region_name="us-east-1", aws_access_key_id=keys["AccessKeyId"],
    aws_secret_access_key=keys["SecretAccessKey"], aws_session_token=keys["SessionToken"],
)
checking = urllib.request.Request(url + "/moto-api/reset-auth", b"0", {"Content-Type": "text/plain"})
urllib.request.urlopen(checking).read()


def tried(call):
    try:
        call()
        return "allowed"
    except ClientError as error:
        return "refused" if error.response["ResponseMetadata"]["HTTPStatusCode"] == 403 else str(error)


asked_ec2, asked_s3, asked_route53 = (boto3.client(name, **account) for name in ("ec2", "s3", "route53"))
some = instances[0]["InstanceId"]
facts["rights"] = {
    "list instances": tried(asked_ec2.describe_instances),
    "read an artifact": tried(lambda: asked_s3.get_object(Bucket="domain-deploy", Key="blog/v1.tgz")),
    "read another object": tried(lambda: asked_s3.get_object(Bucket="domain-deploy", Key="www/secret.tgz")),
    "write an artifact": tried(lambda: asked_s3.put_object(Bucket="domain-deploy", Key="blog/v1.tgz", Body=b"")),
    "stop an instance": tried(lambda: asked_ec2.stop_instances(InstanceIds=[some])),
    "list zones": tried(asked_route53.list_hosted_zones),
}
json.dump(facts, sys.stdout)
