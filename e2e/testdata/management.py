"""What an owner's programs do with boto3: paginators, error classes, and bodies that are files. Addresses and credentials are in the environment."""

import os
import sys
import time
import urllib.error
import urllib.request
from datetime import datetime

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

api = boto3.client("apigateway", endpoint_url=os.environ["MANAGEMENT"], config=Config(retries={"max_attempts": 1}))


def call(path, key=None):
    """Asks the gateway; returns status and body."""
    request = urllib.request.Request(os.environ["GATEWAY"] + path, headers={"x-api-key": key} if key else {})
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as e:
        return e.code, e.read().decode()


def refused(kind, words, do, **args):
    """Does what must fail with an error of a kind, and with words in it."""
    try:
        do(**args)
    except getattr(api.exceptions, kind) as e:
        assert words in str(e), str(e)
        return e.response
    raise AssertionError(f"{do.__name__} succeeded")


# Pages of whatever size hold everything once, in order.
ids = [api.create_api_key(name=f"page-{n}", customerId="pages", tags={"n": str(n)})["id"] for n in range(7)]
pages = api.get_paginator("get_api_keys").paginate(customerId="pages", PaginationConfig={"PageSize": 3})
listed = [k for page in pages for k in page["items"]]
assert [k["id"] for k in listed] == ids[::-1], "newest first"
assert all("value" not in k and isinstance(k["createdDate"], datetime) for k in listed)
assert len(api.get_api_keys(limit=500, nameQuery="page-", includeValues=True)["items"]) == 7
assert "position" not in api.get_api_keys(customerId="pages", limit=7)
assert api.get_api_key(apiKey=ids[3])["tags"] == {"n": "3"}
refused("BadRequestException", "position", api.get_api_keys, position="tampered with")

# Errors are of AWS's classes, with AWS's words.
refused("NotFoundException", "Invalid API Key identifier specified", api.get_api_key, apiKey="nothing")
refused("NotFoundException", "Invalid Usage Plan ID specified", api.get_usage_plan, usagePlanId="nothing")
refused("BadRequestException", "API Key value should be at least 20 characters", api.create_api_key, value="short")
refused("BadRequestException", "Invalid patch path", api.update_api_key, apiKey=ids[0], patchOperations=[{"op": "add", "path": "/name", "value": "x"}])
refused("BadRequestException", "not supported", api.generate_client_certificate)
refused("BadRequestException", "not supported", api.get_vpc_links)
try:
    api.create_usage_plan(name="p", quota={"limit": 1, "period": "YEAR"})
except ClientError as e:
    assert e.response["Error"]["Code"] in ("ValidationException", "BadRequestException"), e
else:
    raise AssertionError("a period that is none")
wrong = boto3.client("apigateway", endpoint_url=os.environ["MANAGEMENT"], aws_access_key_id=os.environ["AWS_ACCESS_KEY_ID"], aws_secret_access_key="not the secret at all, but as long")
try:
    wrong.get_rest_apis()
except ClientError as e:
    assert e.response["Error"]["Code"] == "InvalidSignatureException" and e.response["ResponseMetadata"]["HTTPStatusCode"] == 403, e
else:
    raise AssertionError("another secret")

# A document becomes an API whose methods are enforced.
document = b"""
openapi: 3.0.1
info: {title: Echo, version: "1.2", description: Says it again.}
paths:
  /pets/{id}:
    get:
      operationId: getPet
      security: [{key: []}]
      parameters: [{name: id, in: path, required: true, schema: {type: string}}]
      responses: {"200": {description: the pet}}
      x-amazon-apigateway-integration:
        type: http_proxy
        httpMethod: GET
        uri: UPSTREAM/{id}
        requestParameters: {integration.request.path.id: method.request.path.id}
  /mock:
    get:
      responses: {"200": {description: nothing}}
      x-amazon-apigateway-integration:
        type: mock
        requestTemplates: {application/json: '{"statusCode": 200}'}
        responses: {default: {statusCode: "200", responseTemplates: {application/json: '{"mocked": true}'}}}
components:
  securitySchemes: {key: {type: apiKey, name: x-api-key, in: header}}
""".replace(b"UPSTREAM", os.environ["UPSTREAM"].encode())
made = api.import_rest_api(body=document, failOnWarnings=True)
assert made["name"] == "Echo" and made["version"] == "1.2", made
refused("BadRequestException", "Invalid OpenAPI input.", api.import_rest_api, body=b"no document")
resources = {r["path"]: r for r in api.get_resources(restApiId=made["id"], embed=["methods"])["items"]}
assert resources["/pets/{id}"]["resourceMethods"]["GET"]["apiKeyRequired"] is True, resources
assert resources["/mock"]["resourceMethods"]["GET"]["methodIntegration"]["type"] == "MOCK", resources
api.create_deployment(restApiId=made["id"], stageName="v1", variables={"x": "1"})
plan = api.create_usage_plan(name="P", apiStages=[{"apiId": made["id"], "stage": "v1", "throttle": {"/pets/{id}/GET": {"rateLimit": 1000, "burstLimit": 1000}}}], quota={"limit": 2, "period": "DAY"})
assert plan["quota"] == {"limit": 2, "offset": 0, "period": "DAY"}, plan
csv = f"name,KEY,enabled,usageplanids\n one ,key-of-a-boto3-import-00000001,true,'{plan['id']}'\n".encode()
imported = api.import_api_keys(body=csv, format="csv", failOnWarnings=False)
assert len(imported["ids"]) == 1 and not imported.get("warnings"), imported
assert api.import_api_keys(body=csv, format="csv")["ids"] == imported["ids"], "a file that is imported again"
bad = csv + b"two,short,true,\n"
refused("BadRequestException", "", api.import_api_keys, body=bad, format="csv", failOnWarnings=True)
assert len(api.import_api_keys(body=bad, format="csv")["warnings"]) == 1
base = f"/{made['id']}/v1"
assert call(base + "/mock") == (200, '{"mocked": true}'), call(base + "/mock")
answers = [call(base + "/pets/9", "key-of-a-boto3-import-00000001") for _ in range(3)]
assert [a[0] for a in answers] == [200, 200, 429], answers
today = time.strftime("%Y-%m-%d", time.gmtime())
for _ in range(10):
    usage = api.get_usage(usagePlanId=plan["id"], startDate=today, endDate=today)
    if usage["items"].get(imported["ids"][0]) == [[2, 0]]:
        break
    time.sleep(0.3)
assert usage["items"] == {imported["ids"][0]: [[2, 0]]}, usage
assert [k for page in api.get_paginator("get_usage").paginate(usagePlanId=plan["id"], startDate=today, endDate=today) for k in page["items"]] == imported["ids"]

# What is exported is the document, and imports again.
for kind in ("oas30", "swagger"):
    export = api.get_export(restApiId=made["id"], stageName="v1", exportType=kind, parameters={"extensions": "integrations"}, accepts="application/json")
    assert export["contentType"] == "application/json" and "attachment" in export["contentDisposition"], export
    again = api.import_rest_api(body=export["body"].read())
    paths = [r["path"] for page in api.get_paginator("get_resources").paginate(restApiId=again["id"]) for r in page["items"]]
    assert paths == sorted(resources), (kind, paths)
    api.delete_rest_api(restApiId=again["id"])

# Tags are the ARN's, and the portal's words of a plan are among them.
arn = f"arn:aws:apigateway:eu-central-1::/usageplans/{plan['id']}"
api.tag_resource(resourceArn=arn, tags={"team": "pets", "gatehouse:price": "9 a month", "gatehouse:audience": "anyone"})
assert api.get_tags(resourceArn=arn)["tags"] == {"team": "pets", "gatehouse:price": "9 a month", "gatehouse:audience": "anyone"}
api.untag_resource(resourceArn=arn, tagKeys=["team", "gatehouse:price"])
assert "team" not in api.get_usage_plan(usagePlanId=plan["id"])["tags"]
refused("BadRequestException", "gatehouse:audience", api.tag_resource, resourceArn=arn, tags={"gatehouse:audience": "everybody"})

# Deleting an API takes its stages off plans.
api.delete_rest_api(restApiId=made["id"])
assert api.get_usage_plan(usagePlanId=plan["id"])["apiStages"] == []
api.delete_usage_plan(usagePlanId=plan["id"])
print("done", file=sys.stderr)
