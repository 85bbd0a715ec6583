#!/usr/bin/env bash
# What an owner does with the AWS CLI, from nothing to nothing: $AWS is the CLI, $MANAGEMENT, $GATEWAY and $UPSTREAM are addresses, $WORK is a folder. Credentials and
# region are in the environment.
set -euo pipefail

aws() { "$AWS" --endpoint-url "$MANAGEMENT" --output text apigateway "$@"; }
say() { echo "--- $*"; }
fail() { echo "FAILED: $*" >&2; exit 1; }
is() { [ "$1" = "$2" ] || fail "$3: $1, want $2"; }

# refused runs a command that must fail, with words of its error.
refused() {
  local words=$1; shift
  local said
  if said=$(aws "$@" 2>&1); then fail "$* succeeded"; fi
  case $said in *"$words"*) ;; *) fail "$*: $said, want $words" ;; esac
}

# call asks the gateway, and prints the status.
call() { curl -s -o "$WORK/answer" -w '%{http_code}' "$GATEWAY/$api/dev$1" "${@:2}"; }

say an API whose method goes to an upstream
api=$(aws create-rest-api --name Orders --description "of a shop" --query id)
root=$(aws get-resources --rest-api-id "$api" --query 'items[0].id')
orders=$(aws create-resource --rest-api-id "$api" --parent-id "$root" --path-part orders --query id)
order=$(aws create-resource --rest-api-id "$api" --parent-id "$orders" --path-part '{id}' --query id)
is "$(aws get-resources --rest-api-id "$api" --query 'items[].path')" "/	/orders	/orders/{id}" "the paths"
aws put-method --rest-api-id "$api" --resource-id "$order" --http-method GET --authorization-type NONE --api-key-required --request-parameters method.request.path.id=true >/dev/null
refused "No integration defined for method" create-deployment --rest-api-id "$api" --stage-name dev
aws put-integration --rest-api-id "$api" --resource-id "$order" --http-method GET --type HTTP_PROXY --integration-http-method GET \
  --uri "$UPSTREAM/{id}" --request-parameters integration.request.path.id=method.request.path.id >/dev/null
deployment=$(aws create-deployment --rest-api-id "$api" --stage-name dev --query id)
is "$(aws get-stage --rest-api-id "$api" --stage-name dev --query deploymentId)" "$deployment" "the stage's deployment"

say a plan, and keys on it
plan=$(aws create-usage-plan --name Basic --api-stages apiId="$api",stage=dev --throttle rateLimit=1000,burstLimit=1000 --quota limit=3,period=MONTH --query id)
key=$(aws create-api-key --name first --enabled --query id)
value=$(aws get-api-key --api-key "$key" --include-value --query value)
is "$(call /orders/7 -H "x-api-key: $value")" 403 "a key that is on no plan"
aws create-usage-plan-key --usage-plan-id "$plan" --key-id "$key" --key-type API_KEY >/dev/null
printf 'Name,Key,Enabled,UsagePlanIds\nsecond,second-key-of-the-import-0001,true,%s\nthird,third-key-of-the-import-00001,TRUE,"%s"\n' "$plan" "$plan" >"$WORK/keys.csv"
aws import-api-keys --format csv --body "fileb://$WORK/keys.csv" --fail-on-warnings >/dev/null
is "$(aws get-usage-plan-keys --usage-plan-id "$plan" --query 'length(items)')" 3 "keys of the plan"
is "$(aws get-api-keys --name-query thi --include-values --query 'items[0].value')" third-key-of-the-import-00001 "the value that was imported"

say calls, until the quota ends
is "$(call /orders/7)" 403 "a call without a key"
for n in 1 2 3; do
  is "$(call "/orders/$n" -H "x-api-key: $value")" 200 "call $n"
  is "$(cat "$WORK/answer")" "order $n" "what the upstream got"
done
is "$(call /orders/4 -H "x-api-key: $value")" 429 "a call over the quota"
grep -q '"Limit Exceeded"' "$WORK/answer" || fail "$(cat "$WORK/answer")"
is "$(call /orders/5 -H "x-api-key: second-key-of-the-import-0001")" 200 "a key that was imported"

say usage, and an extension
today=$(date -u +%F)
for _ in 1 2 3 4 5; do
  used=$(aws get-usage --usage-plan-id "$plan" --start-date "$today" --end-date "$today" --query "items.\"$key\"[0]" | tr '\t' ' ')
  [ "$used" = "3 0" ] && break
  sleep 0.5
done
is "$used" "3 0" "usage"
aws update-usage --usage-plan-id "$plan" --key-id "$key" --patch-operations op=replace,path=/remaining,value=1 >/dev/null
is "$(call /orders/6 -H "x-api-key: $value")" 200 "the call that was given"
is "$(call /orders/7 -H "x-api-key: $value")" 429 "a call over the extension"

say a throttle of one method
aws update-usage-plan --usage-plan-id "$plan" --patch-operations op=remove,path=/quota \
  "op=replace,path='/apiStages/$api:dev/throttle/~1orders~1{id}/GET/rateLimit',value=0" "op=replace,path='/apiStages/$api:dev/throttle/~1orders~1{id}/GET/burstLimit',value=0" >/dev/null
is "$(call /orders/7 -H "x-api-key: $value")" 429 "a call over the method's throttle"
aws update-usage-plan --usage-plan-id "$plan" --patch-operations "op=remove,path=/apiStages/$api:dev/throttle" >/dev/null
is "$(call /orders/7 -H "x-api-key: $value")" 200 "a call without limits"

say a key that is switched off, and a plan beside it
aws update-api-key --api-key "$key" --patch-operations op=replace,path=/enabled,value=false >/dev/null
is "$(call /orders/7 -H "x-api-key: $value")" 403 "a key that is switched off"
aws update-api-key --api-key "$key" --patch-operations op=replace,path=/enabled,value=true >/dev/null
other=$(aws create-usage-plan --name Other --api-stages apiId="$api",stage=dev --query id)
refused ConflictException create-usage-plan-key --usage-plan-id "$other" --key-id "$key" --key-type API_KEY
refused "API Key already exists" create-api-key --value "$value"

say everything goes, in the wrong order first
refused "Cannot delete Usage Plan $plan because there are API Stages associated with it" delete-usage-plan --usage-plan-id "$plan"
refused "Active stages pointing to this deployment must be moved or deleted" delete-deployment --rest-api-id "$api" --deployment-id "$deployment"
refused "Invalid Usage Plan ID specified" get-usage-plan --usage-plan-id nothing
for p in "$plan" "$other"; do
  aws update-usage-plan --usage-plan-id "$p" --patch-operations "op=remove,path=/apiStages,value=$api:dev" >/dev/null
  aws delete-usage-plan --usage-plan-id "$p"
done
is "$(call /orders/7 -H "x-api-key: $value")" 403 "a key whose plan is gone"
for k in $(aws get-api-keys --query 'items[].id'); do aws delete-api-key --api-key "$k"; done
is "$(aws get-api-keys --query 'length(items)')" 0 "keys"
refused NotFoundException get-api-key --api-key "$key"
aws delete-stage --rest-api-id "$api" --stage-name dev
aws delete-deployment --rest-api-id "$api" --deployment-id "$deployment"
aws delete-rest-api --rest-api-id "$api"
refused "Invalid API identifier specified" get-rest-api --rest-api-id "$api"
is "$(call /orders/7)" 404 "a call of an API that is gone"
say done
