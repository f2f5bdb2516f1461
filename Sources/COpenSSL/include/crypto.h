// What the module Secrets needs of libcrypto: digests, randomness, wiping, constant-time comparison.
// All of it are functions, so no twins of macros are needed.
#pragma once

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
