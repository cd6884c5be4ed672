#include "io/jws.h"

#include <openssl/bio.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include <algorithm>
#include <array>
#include <memory>

#include "base/base64.h"
#include "base/hmac.h"

namespace firn::io {
namespace {

struct KeyFree {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
  void operator()(BIO* bio) const { BIO_free(bio); }
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
  void operator()(ECDSA_SIG* signature) const { ECDSA_SIG_free(signature); }
};
template <typename T>
using Owned = std::unique_ptr<T, KeyFree>;

bool IsKnown(std::string_view algorithm) {
  constexpr std::array<std::string_view, 4> kFamilies = {"HS", "RS", "PS", "ES"};
  constexpr std::array<std::string_view, 3> kSizes = {"256", "384", "512"};
  return algorithm.size() == 5 && std::ranges::count(kFamilies, algorithm.substr(0, 2)) == 1 &&
         std::ranges::count(kSizes, algorithm.substr(2)) == 1;
}

Digest DigestOf(std::string_view algorithm) {
  if (algorithm.ends_with("384")) return Digest::kSha384;
  return algorithm.ends_with("512") ? Digest::kSha512 : Digest::kSha256;
}

const EVP_MD* OpenSslDigestOf(std::string_view algorithm) {
  if (algorithm.ends_with("384")) return EVP_sha384();
  return algorithm.ends_with("512") ? EVP_sha512() : EVP_sha256();
}

// The signature of ECDSA as two numbers of fixed length (RFC 7518 §3.4) out of OpenSSL's DER.
Result<std::string> FixedEcSignature(const std::string& der, size_t bytes) {
  const auto* at = reinterpret_cast<const unsigned char*>(der.data());
  const Owned<ECDSA_SIG> signature(d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(der.size())));
  if (signature == nullptr) return MakeError(Fault::kBug, "an ECDSA signature cannot be read");
  std::string out(2 * bytes, '\0');
  auto* first = reinterpret_cast<unsigned char*>(out.data());
  const int size = static_cast<int>(bytes);
  if (BN_bn2binpad(ECDSA_SIG_get0_r(signature.get()), first, size) != size ||
      BN_bn2binpad(ECDSA_SIG_get0_s(signature.get()), first + bytes, size) != size) {
    return MakeError(Fault::kConfig, "the curve of the JWT's key is not the one of its algorithm");
  }
  return out;
}

Result<std::string> SignWithKey(const JwsKey& by, const std::string& text) {
  const Owned<BIO> bio(BIO_new_mem_buf(by.key.data(), static_cast<int>(by.key.size())));
  std::string passphrase =
      by.passphrase;  // OpenSSL takes a mutable pointer; empty, never null: it would ask a terminal
  const Owned<EVP_PKEY> key(PEM_read_bio_PrivateKey(bio.get(), nullptr, nullptr, passphrase.data()));
  if (key == nullptr) return MakeError(Fault::kConfig, "the secret key of the JWT is no private key in PEM form");
  const bool elliptic = by.algorithm.starts_with("ES");
  if ((EVP_PKEY_base_id(key.get()) == EVP_PKEY_EC) != elliptic) {
    return MakeError(Fault::kConfig, "the key of the JWT does not fit " + by.algorithm);
  }
  const Owned<EVP_MD_CTX> context(EVP_MD_CTX_new());
  EVP_PKEY_CTX* options = nullptr;
  size_t size = 0;
  if (EVP_DigestSignInit(context.get(), &options, OpenSslDigestOf(by.algorithm), nullptr, key.get()) != 1) {
    return MakeError(Fault::kConfig, "the key of the JWT does not fit " + by.algorithm);
  }
  if (by.algorithm.starts_with("PS")) EVP_PKEY_CTX_set_rsa_padding(options, RSA_PKCS1_PSS_PADDING);
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
  if (!elliptic) return signature;
  return FixedEcSignature(signature, by.algorithm == "ES512" ? 66 : by.algorithm == "ES384" ? 48 : 32);
}

}  // namespace

Result<std::string> SignJws(const JwsKey& key, std::string_view header_json, std::string_view payload_json) {
  if (!IsKnown(key.algorithm)) return MakeError(Fault::kConfig, "JWT algorithm " + key.algorithm + " is not known");
  const std::string text = Base64Url(header_json) + "." + Base64Url(payload_json);
  if (key.algorithm.starts_with("HS")) return text + "." + Base64Url(Hmac(DigestOf(key.algorithm), key.key, text));
  ARROW_ASSIGN_OR_RAISE(const std::string signature, SignWithKey(key, text));
  return text + "." + Base64Url(signature);
}

}  // namespace firn::io
