/* ipsec-mb's functions are pointers in its manager; here they become plain functions.
 *
 * Keys are prepared once (peer_key_new). The manager is of one thread.
 */
#include <intel-ipsec-mb.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* One key in the form of every algorithm. */
struct peer_key {
    _Alignas(64) uint8_t octets[16];
    snow3g_key_schedule_t snow3g;
    _Alignas(16) uint32_t aes[60];
    _Alignas(16) uint32_t cmac_k1[4];
    _Alignas(16) uint32_t cmac_k2[4];
};

/* One message for the manager; `length` in octets for AES-CTR and ZUC EEA3, in bits otherwise. */
struct peer_job {
    const struct peer_key *key;
    const uint8_t *iv;
    const uint8_t *source;
    uint8_t *target;
    uint64_t length;
    uint8_t *tag;
};

IMB_MGR *peer_manager_new(void)
{
    IMB_MGR *manager = alloc_mb_mgr(0);
    if (manager != NULL)
        init_mb_mgr_auto(manager, NULL);
    return manager;
}

void peer_manager_free(IMB_MGR *manager)
{
    free_mb_mgr(manager);
}

const char *peer_version(void)
{
    return imb_get_version_str();
}

const char *peer_architecture(const IMB_MGR *manager)
{
    switch (manager->used_arch) {
    case IMB_ARCH_AVX512:
        return manager->features & IMB_FEATURE_VAES ? "AVX-512 with VAES" : "AVX-512";
    case IMB_ARCH_AVX2:
        return "AVX2";
    case IMB_ARCH_AVX:
        return "AVX";
    default:
        return "SSE";
    }
}

struct peer_key *peer_key_new(IMB_MGR *manager, const uint8_t *octets)
{
    struct peer_key *key = aligned_alloc(64, sizeof *key);
    if (key == NULL)
        return NULL;
    memset(key, 0, sizeof *key);
    memcpy(key->octets, octets, sizeof key->octets);
    _Alignas(16) uint32_t decryption[60];
    IMB_SNOW3G_INIT_KEY_SCHED(manager, octets, &key->snow3g);
    IMB_AES_KEYEXP_128(manager, octets, key->aes, decryption);
    IMB_AES_CMAC_SUBKEY_GEN_128(manager, key->aes, key->cmac_k1, key->cmac_k2);
    return key;
}

void peer_key_free(struct peer_key *key)
{
    free(key);
}

/* 0 when the library takes the inputs. */
int peer_snow3g_f8_iv(uint32_t count, uint8_t bearer, uint8_t direction, uint8_t *iv)
{
    return snow3g_f8_iv_gen(count, bearer, direction, iv);
}

int peer_snow3g_f9_iv(uint32_t count, uint32_t fresh, uint8_t direction, uint8_t *iv)
{
    return snow3g_f9_iv_gen(count, fresh, direction, iv);
}

int peer_zuc_eea3_iv(uint32_t count, uint8_t bearer, uint8_t direction, uint8_t *iv)
{
    return zuc_eea3_iv_gen(count, bearer, direction, iv);
}

int peer_zuc_eia3_iv(uint32_t count, uint8_t bearer, uint8_t direction, uint8_t *iv)
{
    return zuc_eia3_iv_gen(count, bearer, direction, iv);
}

void peer_snow3g_f8_1(IMB_MGR *manager, const struct peer_key *key, const uint8_t *iv, uint8_t *message,
                      uint32_t octets)
{
    IMB_SNOW3G_F8_1_BUFFER(manager, &key->snow3g, iv, message, message, octets);
}

void peer_snow3g_f8_1_bits(IMB_MGR *manager, const struct peer_key *key, const uint8_t *iv, uint8_t *message,
                           uint32_t bits)
{
    IMB_SNOW3G_F8_1_BUFFER_BIT(manager, &key->snow3g, iv, message, message, bits, 0);
}

/* `keys` are those that peer_snow3g_key gives. */
void peer_snow3g_f8_n(IMB_MGR *manager, const void *const *keys, const void *const *ivs, void **messages,
                      const uint32_t *octets, uint32_t count)
{
    IMB_SNOW3G_F8_N_BUFFER_MULTIKEY(manager, (const snow3g_key_schedule_t *const *) keys, ivs,
                                    (const void *const *) messages, messages, octets, count);
}

const void *peer_snow3g_key(const struct peer_key *key)
{
    return &key->snow3g;
}

const void *peer_zuc_key(const struct peer_key *key)
{
    return key->octets;
}

void peer_snow3g_f9_1(IMB_MGR *manager, const struct peer_key *key, const uint8_t *iv, const uint8_t *message,
                      uint64_t bits, uint8_t *tag)
{
    IMB_SNOW3G_F9_1_BUFFER(manager, &key->snow3g, iv, message, bits, tag);
}

void peer_zuc_eea3_1(IMB_MGR *manager, const struct peer_key *key, const uint8_t *iv, uint8_t *message,
                     uint32_t octets)
{
    IMB_ZUC_EEA3_1_BUFFER(manager, key->octets, iv, message, message, octets);
}

/* `keys` are those that peer_zuc_key gives. */
void peer_zuc_eea3_n(IMB_MGR *manager, const void *const *keys, const void *const *ivs, void **messages,
                     const uint32_t *octets, uint32_t count)
{
    IMB_ZUC_EEA3_N_BUFFER(manager, keys, ivs, (const void *const *) messages, messages, octets, count);
}

void peer_zuc_eia3_1(IMB_MGR *manager, const struct peer_key *key, const uint8_t *iv, const uint8_t *message,
                     uint32_t bits, uint32_t *tag)
{
    IMB_ZUC_EIA3_1_BUFFER(manager, key->octets, iv, message, bits, tag);
}

/* `keys` are those that peer_zuc_key gives. */
void peer_zuc_eia3_n(IMB_MGR *manager, const void *const *keys, const void *const *ivs, const void *const *messages,
                     const uint32_t *bits, uint32_t **tags, uint32_t count)
{
    IMB_ZUC_EIA3_N_BUFFER(manager, keys, ivs, messages, bits, tags, count);
}

/* What the manager does with a message; the order is that of the Rust side. */
enum peer_algorithm {
    PEER_SNOW3G_UEA2,
    PEER_SNOW3G_UIA2,
    PEER_AES_CTR,
    PEER_AES_CTR_BITS,
    PEER_AES_CMAC,
    PEER_AES_CMAC_BITS,
    PEER_ZUC_EEA3,
    PEER_ZUC_EIA3,
};

static inline void fill(IMB_JOB *job, enum peer_algorithm algorithm, const struct peer_job *from)
{
    job->src = from->source;
    job->cipher_direction = IMB_DIR_ENCRYPT;
    job->user_data = NULL;
    switch (algorithm) {
    case PEER_SNOW3G_UEA2:
    case PEER_AES_CTR:
    case PEER_AES_CTR_BITS:
    case PEER_ZUC_EEA3:
        job->chain_order = IMB_ORDER_CIPHER_HASH;
        job->hash_alg = IMB_AUTH_NULL;
        job->dst = from->target;
        job->iv = from->iv;
        job->iv_len_in_bytes = 16;
        job->key_len_in_bytes = 16;
        job->cipher_start_src_offset_in_bytes = 0;
        job->msg_len_to_cipher_in_bytes = from->length; /* a union with the length in bits */
        job->enc_keys = algorithm == PEER_SNOW3G_UEA2  ? (const void *) &from->key->snow3g
                        : algorithm == PEER_ZUC_EEA3   ? (const void *) from->key->octets
                                                       : (const void *) from->key->aes;
        job->dec_keys = job->enc_keys;
        job->cipher_mode = algorithm == PEER_SNOW3G_UEA2    ? IMB_CIPHER_SNOW3G_UEA2_BITLEN
                           : algorithm == PEER_ZUC_EEA3     ? IMB_CIPHER_ZUC_EEA3
                           : algorithm == PEER_AES_CTR_BITS ? IMB_CIPHER_CNTR_BITLEN
                                                            : IMB_CIPHER_CNTR;
        break;
    case PEER_SNOW3G_UIA2:
        job->hash_alg = IMB_AUTH_SNOW3G_UIA2_BITLEN;
        job->u.SNOW3G_UIA2._key = &from->key->snow3g;
        job->u.SNOW3G_UIA2._iv = from->iv;
        goto hash;
    case PEER_ZUC_EIA3:
        job->hash_alg = IMB_AUTH_ZUC_EIA3_BITLEN;
        job->u.ZUC_EIA3._key = from->key->octets;
        job->u.ZUC_EIA3._iv = from->iv;
        job->u.ZUC_EIA3._iv23 = NULL;
        goto hash;
    case PEER_AES_CMAC:
    case PEER_AES_CMAC_BITS:
        job->hash_alg = algorithm == PEER_AES_CMAC ? IMB_AUTH_AES_CMAC : IMB_AUTH_AES_CMAC_BITLEN;
        job->u.CMAC._key_expanded = from->key->aes;
        job->u.CMAC._skey1 = from->key->cmac_k1;
        job->u.CMAC._skey2 = from->key->cmac_k2;
    hash:
        job->chain_order = IMB_ORDER_HASH_CIPHER;
        job->cipher_mode = IMB_CIPHER_NULL;
        job->hash_start_src_offset_in_bytes = 0;
        job->msg_len_to_hash_in_bytes = from->length; /* a union with the length in bits */
        job->auth_tag_output = from->tag;
        job->auth_tag_output_len_in_bytes = 4;
        break;
    }
}

/* Hands all messages to the manager and waits for the last. The number of those that it finished. `checked` asks the
 * manager to look at each job first; without it a wrong job is not noticed. */
static inline uint32_t jobs(IMB_MGR *manager, enum peer_algorithm algorithm, const struct peer_job *from,
                            uint32_t count, int checked)
{
    uint32_t finished = 0;
    for (uint32_t i = 0; i < count; i++) {
        IMB_JOB *job = IMB_GET_NEXT_JOB(manager);
        fill(job, algorithm, &from[i]);
        for (job = checked ? IMB_SUBMIT_JOB(manager) : IMB_SUBMIT_JOB_NOCHECK(manager); job != NULL;
             job = IMB_GET_COMPLETED_JOB(manager))
            finished += job->status == IMB_STATUS_COMPLETED;
    }
    for (IMB_JOB *job = IMB_FLUSH_JOB(manager); job != NULL; job = IMB_FLUSH_JOB(manager))
        finished += job->status == IMB_STATUS_COMPLETED;
    return finished;
}

uint32_t peer_jobs_checked(IMB_MGR *manager, int algorithm, const struct peer_job *from, uint32_t count)
{
    return jobs(manager, (enum peer_algorithm) algorithm, from, count, 1);
}

/* One function for each algorithm, so that filling a job costs no choice. */
#define PEER_JOBS(name, algorithm)                                                                                     \
    uint32_t name(IMB_MGR *manager, const struct peer_job *from, uint32_t count)                                      \
    {                                                                                                                  \
        return jobs(manager, algorithm, from, count, 0);                                                               \
    }

PEER_JOBS(peer_jobs_snow3g_uea2, PEER_SNOW3G_UEA2)
PEER_JOBS(peer_jobs_snow3g_uia2, PEER_SNOW3G_UIA2)
PEER_JOBS(peer_jobs_aes_ctr, PEER_AES_CTR)
PEER_JOBS(peer_jobs_aes_cmac, PEER_AES_CMAC)
PEER_JOBS(peer_jobs_zuc_eea3, PEER_ZUC_EEA3)
PEER_JOBS(peer_jobs_zuc_eia3, PEER_ZUC_EIA3)
