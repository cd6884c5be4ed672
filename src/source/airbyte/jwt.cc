#include "source/airbyte/jwt.h"

#include <openssl/bio.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>

#include <array>

#include "base/redactor.h"

namespace firn::source::airbyte {
namespace {

using connector::airbyte::ManifestError;

std::string Base64(std::string_view bytes, bool url) {
  std::string out((bytes.size() + 2) / 3 * 4 + 1, '\0');
  const int size =
      EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                      reinterpret_cast<const unsigned char*>(bytes.data()), static_cast<int>(bytes.size()));
  out.resize(static_cast<size_t>(size));
  if (!url) return out;
  for (char& c : out) {
    if (c == '+') c = '-';
    if (c == '/') c = '_';
  }
  while (out.ends_with('=')) out.pop_back();
  return out;
}

struct KeyFree {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
  void operator()(BIO* bio) const { BIO_free(bio); }
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
  void operator()(ECDSA_SIG* signature) const { ECDSA_SIG_free(signature); }
};
template <typename T>
using Owned = std::unique_ptr<T, KeyFree>;

const EVP_MD* DigestOf(const std::string& algorithm) {
  if (algorithm.ends_with("384")) return EVP_sha384();
  return algorithm.ends_with("512") ? EVP_sha512() : EVP_sha256();
}

// The signature of ECDSA as two numbers of fixed length (RFC 7518 §3.4) out of OpenSSL's DER.
Result<std::string> FixedEcSignature(const std::string& der, size_t bytes) {
  const auto* at = reinterpret_cast<const unsigned char*>(der.data());
  const Owned<ECDSA_SIG> signature(d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(der.size())));
  if (signature == nullptr) return MakeError(Fault::kBug, "an ECDSA signature cannot be read");
  std::string out(2 * bytes, '\0');
  BN_bn2binpad(ECDSA_SIG_get0_r(signature.get()), reinterpret_cast<unsigned char*>(out.data()),
               static_cast<int>(bytes));
  BN_bn2binpad(ECDSA_SIG_get0_s(signature.get()), reinterpret_cast<unsigned char*>(out.data()) + bytes,
               static_cast<int>(bytes));
  return out;
}

Result<std::string> SignWithKey(const std::string& algorithm, const std::string& pem, std::string passphrase,
                                const std::string& text) {
  const Owned<BIO> bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  const Owned<EVP_PKEY> key(
      PEM_read_bio_PrivateKey(bio.get(), nullptr, nullptr, passphrase.empty() ? nullptr : passphrase.data()));
  if (key == nullptr) return MakeError(Fault::kConfig, "the secret key of the JWT is no private key in PEM form");
  const Owned<EVP_MD_CTX> context(EVP_MD_CTX_new());
  EVP_PKEY_CTX* options = nullptr;
  size_t size = 0;
  if (EVP_DigestSignInit(context.get(), &options, DigestOf(algorithm), nullptr, key.get()) != 1) {
    return MakeError(Fault::kConfig, "the key of the JWT does not fit " + algorithm);
  }
  if (algorithm.starts_with("PS")) EVP_PKEY_CTX_set_rsa_padding(options, RSA_PKCS1_PSS_PADDING);
  const auto* bytes = reinterpret_cast<const unsigned char*>(text.data());
  if (EVP_DigestSign(context.get(), nullptr, &size, bytes, text.size()) != 1) {
    return MakeError(Fault::kConfig, "the JWT cannot be signed");
  }
  std::string signature(size, '\0');
  if (EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(signature.data()), &size, bytes, text.size()) !=
      1) {
    return MakeError(Fault::kConfig, "the JWT cannot be signed");
  }
  signature.resize(size);
  if (!algorithm.starts_with("ES")) return signature;
  return FixedEcSignature(signature, algorithm == "ES512" ? 66 : algorithm == "ES384" ? 48 : 32);
}

Result<std::string> Sign(const std::string& algorithm, const std::string& key, const std::string& passphrase,
                         const std::string& text) {
  if (!algorithm.starts_with("HS")) return SignWithKey(algorithm, key, passphrase, text);
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest;
  unsigned int size = 0;
  HMAC(DigestOf(algorithm), key.data(), static_cast<int>(key.size()),
       reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest.data(), &size);
  return std::string(reinterpret_cast<const char*>(digest.data()), size);
}

// A scope with the `json_loads` of this component: not available; what uses it is refused by the parser.
Status PutField(const Component& component, std::string_view field, const RunContext& run, Entries* out) {
  if (!component.Has(field)) return Status::OK();
  ARROW_ASSIGN_OR_RAISE(const auto text, InterpolatedField(component, field));
  Scope scope = run.NewScope();
  ARROW_ASSIGN_OR_RAISE(Value value, text.Eval(scope));
  Put(*out, field, std::move(value));
  return Status::OK();
}

Result<std::string> TextField(const Component& component, std::string_view field, const RunContext& run) {
  ARROW_ASSIGN_OR_RAISE(const auto text, InterpolatedField(component, field));
  Scope scope = run.NewScope();
  return text.EvalText(scope);
}

class JwtAuthenticator : public Authenticator {
 public:
  JwtAuthenticator(const Component& component, const RunContext& run, std::optional<RequestOption> option)
      : component_(component), run_(run), option_(std::move(option)) {}

  Result<RequestParts> Parts() override {
    ARROW_ASSIGN_OR_RAISE(const std::string token, SignJwt(component_, run_));
    ARROW_ASSIGN_OR_RAISE(const std::string prefix, TextField(component_, "header_prefix", run_));
    const Value value = Value::String(prefix.empty() ? token : prefix + " " + token);
    RequestParts parts;
    if (option_) {
      ARROW_RETURN_NOT_OK(option_->Put(run_, value, &parts));
    } else {
      Put(parts.headers, "Authorization", value);
    }
    return parts;
  }

 private:
  const Component component_;
  const RunContext& run_;
  const std::optional<RequestOption> option_;
};

}  // namespace

Result<std::string> SignJwt(const Component& component, const RunContext& run) {
  const std::string algorithm = component.Text("algorithm");
  if (algorithm.size() != 5 || (algorithm[1] != 'S' && algorithm != "EdDSA")) {
    return ManifestError(component, "JWT algorithm " + algorithm + " is not known");
  }
  Scope scope = run.NewScope();
  ARROW_ASSIGN_OR_RAISE(Entries headers, EvaluatedMap(component, "additional_jwt_headers", scope));
  ARROW_ASSIGN_OR_RAISE(Entries payload, EvaluatedMap(component, "additional_jwt_payload", scope));
  const Component own_headers = component.Child("jwt_headers");
  const Component own_payload = component.Child("jwt_payload");
  for (const char* field : {"kid", "typ", "cty"}) ARROW_RETURN_NOT_OK(PutField(own_headers, field, run, &headers));
  Put(headers, "alg", Value::String(algorithm));
  if (FindEntry(headers, "typ") == nullptr) Put(headers, "typ", Value::String("JWT"));
  for (const char* field : {"iss", "sub", "aud"}) ARROW_RETURN_NOT_OK(PutField(own_payload, field, run, &payload));
  const int64_t now = run.clock->LogicalNow().micros / 1'000'000;
  Put(payload, "iat", Value::Int(now));
  Put(payload, "exp", Value::Int(now + component.Integer("token_duration").value_or(1200)));
  Put(payload, "nbf", Value::Int(now));
  ARROW_ASSIGN_OR_RAISE(std::string key, TextField(component, "secret_key", run));
  ARROW_ASSIGN_OR_RAISE(const std::string passphrase, TextField(component, "passphrase", run));
  ProcessRedactor().AddSecret(key);
  if (component.Flag("base64_encode_secret_key")) key = Base64(key, false);
  const std::string text = Base64(jinja::ToJson(Value::OfMap(std::move(headers))), true) + "." +
                           Base64(jinja::ToJson(Value::OfMap(std::move(payload))), true);
  ARROW_ASSIGN_OR_RAISE(const std::string signature, Sign(algorithm, key, passphrase, text));
  return text + "." + Base64(signature, true);
}

Result<std::unique_ptr<Authenticator>> MakeJwtAuthenticator(const Component& component, const RunContext& run) {
  ARROW_ASSIGN_OR_RAISE(auto option, OptionField(component, "request_option"));
  return std::unique_ptr<Authenticator>(new JwtAuthenticator(component, run, std::move(option)));
}

}  // namespace firn::source::airbyte
