#include "io/private_address.h"

#include <gtest/gtest.h>

namespace firn::io {
namespace {

TEST(PrivateAddress, KnowsTheSpecialRanges) {
  for (const char* address : {"127.0.0.1",       "127.255.0.1",
                              "10.1.2.3",        "172.16.0.1",
                              "172.31.255.255",  "192.168.1.1",
                              "169.254.169.254", "100.64.0.1",
                              "100.127.255.255", "0.0.0.0",
                              "224.0.0.1",       "255.255.255.255",
                              "198.18.0.1",      "::1",
                              "[::1]",           "::",
                              "fe80::1%eth0",    "fc00::1",
                              "fd12::1",         "ff02::1",
                              "::ffff:10.0.0.1", "64:ff9b::7f00:1",
                              "2002:a00:1::"}) {
    EXPECT_TRUE(IsPrivateAddress(address)) << address;
    EXPECT_TRUE(IsPrivateHost(address)) << address;
  }
  for (const char* address :
       {"1.1.1.1", "172.15.0.1", "172.32.0.1", "100.63.0.1", "100.128.0.1", "192.169.0.1", "2606:4700::1111",
        "::ffff:1.1.1.1", "64:ff9b::101:101", "api.example", "10.example", ""}) {
    EXPECT_FALSE(IsPrivateAddress(address)) << address;
    EXPECT_FALSE(IsPrivateHost(address)) << address;
  }
  EXPECT_TRUE(IsPrivateHost("LocalHost."));
  EXPECT_TRUE(IsPrivateHost("a.localhost"));
}

}  // namespace
}  // namespace firn::io
