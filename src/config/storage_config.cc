#include "config/storage_config.h"

namespace firn::config {

ObjectTypePtr StorageType() {
  static const auto type = std::make_shared<const ObjectType>(ObjectType{
      .name = "storage",
      .doc = "How the object store of the warehouse is reached. What is left out comes from the provider's own chain: "
             "environment, profile files, web identity, the role of the machine.",
      .fields =
          {Url("endpoint")
               .Doc("Address of an S3-compatible store. Default: AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL, else AWS.")
               .Example("http://127.0.0.1:9000"),
           Text("region")
               .Doc("Region of the bucket. Default: AWS_REGION, the profile's, else asked for.")
               .Example("eu-west-1"),
           Enum("path_style", {{"auto", "the bucket in the path if an endpoint is given, else in the host name"},
                               {"always", "in the path: http://host/bucket/key"},
                               {"never", "in the host name: http://bucket.host/key"}})
               .Default("auto")
               .Doc("Where requests name the bucket."),
           Text("access_key")
               .InterpolatedIsSecret()
               .Doc("S3 access key; with secret_key.")
               .Example("${env:S3_ACCESS_KEY}"),
           Text("secret_key").Secret().Doc("S3 secret key.").Example("${env:S3_SECRET_KEY}"),
           Text("session_token").Secret().Doc("S3 session token of temporary keys.").Example("${env:S3_SESSION_TOKEN}"),
           Text("role_arn")
               .Doc("Role to assume with the credentials of the chain.")
               .Example("arn:aws:iam::123456789012:role/lake"),
           Text("external_id").Doc("External id that the role asks for."),
           Text("web_identity_token_file")
               .Doc("File with the token that role_arn is assumed with, relative to the project; read again at each "
                    "renewal. Without it the provider's chain is asked (AWS_WEB_IDENTITY_TOKEN_FILE).")
               .Example("/var/run/secrets/token"),
           Url("sts_endpoint")
               .Doc("Where roles are assumed. Default: AWS_ENDPOINT_URL_STS, the endpoint if one is given, else AWS.")
               .Example("http://127.0.0.1:9000"),
           Text("account_key").Secret().Doc("Key of the Azure storage account.").Example("${env:AZURE_ACCOUNT_KEY}"),
           Text("sas_token")
               .Secret()
               .Doc("Shared access signature of the Azure container.")
               .Example("${env:AZURE_SAS}"),
           Bool("anonymous").Default("false").Doc("Send no credentials, for public buckets."),
           Text("ca_file").Doc(
               "PEM file of the authorities to trust instead of the system's, relative to the project.")},
      .foreign = {{"endpoint_url", "write `endpoint:`"},
                  {"access_key_id", "write `access_key:`"},
                  {"aws_access_key_id", "write `access_key:`"},
                  {"secret_access_key", "write `secret_key:`"},
                  {"aws_secret_access_key", "write `secret_key:`"},
                  {"aws_session_token", "write `session_token:`"},
                  {"force_path_style", "write `path_style: always`"},
                  {"bucket", "write `lake: {warehouse: s3://<bucket>/<prefix>}`"}}});
  return type;
}

io::ObjectStoreSettings LowerStorage(const ObjectView& storage) {
  return {.endpoint = storage.Text("endpoint"),
          .region = storage.Text("region"),
          .path_style = storage.Text("path_style"),
          .access_key = storage.Text("access_key"),
          .secret_key = storage.Text("secret_key"),
          .session_token = storage.Text("session_token"),
          .role_arn = storage.Text("role_arn"),
          .external_id = storage.Text("external_id"),
          .web_identity_token_file = storage.Text("web_identity_token_file"),
          .sts_endpoint = storage.Text("sts_endpoint"),
          .account_key = storage.Text("account_key"),
          .sas_token = storage.Text("sas_token"),
          .anonymous = storage.Bool("anonymous"),
          .ca_file = storage.Text("ca_file")};
}

}  // namespace firn::config
