/* AES-CTR and AES-CMAC of OpenSSL: contexts with their key, used for any number of messages. */
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stddef.h>
#include <stdint.h>

const char *peer_openssl_version(void)
{
    return OpenSSL_version(OPENSSL_VERSION_STRING);
}

/* `octets` of key: 16 or 32. */
EVP_CIPHER_CTX *peer_openssl_ctr_new(const uint8_t *key, size_t octets)
{
    EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    const EVP_CIPHER *cipher = octets == 32 ? EVP_aes_256_ctr() : EVP_aes_128_ctr();
    if (context != NULL && EVP_EncryptInit_ex2(context, cipher, key, NULL, NULL) != 1) {
        EVP_CIPHER_CTX_free(context);
        return NULL;
    }
    return context;
}

void peer_openssl_ctr_free(EVP_CIPHER_CTX *context)
{
    EVP_CIPHER_CTX_free(context);
}

/* 1 for success. */
int peer_openssl_ctr(EVP_CIPHER_CTX *context, const uint8_t *iv, uint8_t *message, int octets)
{
    int written = 0;
    return EVP_EncryptInit_ex2(context, NULL, NULL, iv, NULL) == 1 &&
           EVP_EncryptUpdate(context, message, &written, message, octets) == 1 && written == octets;
}

EVP_MAC_CTX *peer_openssl_cmac_new(const uint8_t *key)
{
    char name[] = "AES-128-CBC";
    const OSSL_PARAM parameters[] = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_CIPHER, name, 0),
                                     OSSL_PARAM_construct_end()};
    EVP_MAC *mac = EVP_MAC_fetch(NULL, "CMAC", NULL);
    EVP_MAC_CTX *context = mac == NULL ? NULL : EVP_MAC_CTX_new(mac);
    EVP_MAC_free(mac); /* the context holds its own reference */
    if (context != NULL && EVP_MAC_init(context, key, 16, parameters) != 1) {
        EVP_MAC_CTX_free(context);
        return NULL;
    }
    return context;
}

void peer_openssl_cmac_free(EVP_MAC_CTX *context)
{
    EVP_MAC_CTX_free(context);
}

/* 1 for success; `tag` takes 16 octets. */
int peer_openssl_cmac(EVP_MAC_CTX *context, const uint8_t *message, size_t octets, uint8_t *tag)
{
    size_t written = 0;
    return EVP_MAC_init(context, NULL, 0, NULL) == 1 && EVP_MAC_update(context, message, octets) == 1 &&
           EVP_MAC_final(context, tag, &written, 16) == 1 && written == 16;
}
