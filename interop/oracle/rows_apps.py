"""The part of rows.py for applications and EAP: TS 33.535, 33.220, 33.536, 33.503, 33.533, 33.303, 33.163, RFC 9048,
9678, 4187, 5295 and 6696. SHA-1's compression, for the generator of FIPS 186-2, stands here in plain Python."""
import hashlib
import hmac
import struct

from rows import NETWORK, RAND, SQN_XOR_AK, be, function, kdf, row, secret, text

CK = bytes.fromhex("5349fbe098649f948f5d2e973a81c00f")
IK = bytes.fromhex("9744871ad32bf9bbd1dd5ce54e3e2e5a")
RFC_9048_SQN_XOR_AK = bytes.fromhex("bb52e91c747a")
RFC_9048_RAND = "81e92b6c0ee0e12ebceba8d92a99dfa5"
EMSK = bytes.fromhex(
    "f861703cd775590e16c7679ea3874ada866311de290764d760cf76df647ea01c"
    "313f69924bdd7650ca9bac141ea075c4ef9e8029c0e290cdbad5638b63bc23fb"
)
IDENTITY = ("identity", "0555444333222111", b"0555444333222111")
COUNTER = ("counter", "1", be(1, 2))
NONCE_S = ("nonce-s", "0123456789abcdeffedcba9876543210", bytes.fromhex("0123456789abcdeffedcba9876543210"))


def fixed_parent(made, name, parent, compute):
    """The same derivation from a parent that the facts name, with the value that they give."""
    made["name"] += ", " + name
    made["key"] = parent.hex()
    made["output"] = compute(parent).hex()
    return made


def prf_plus(secret_key, s, length):
    output, last, number = b"", b"", 0
    while len(output) < length:
        number += 1
        last = hmac.new(secret_key, last + s + bytes([number]), hashlib.sha256).digest()
        output += last
    return output[:length]


def hkdf(secret_key, info, length):
    """HKDF-SHA-256 without salt (RFC 5869 2.2, 2.3): the salt is as many zeros as the hash has octets."""
    return prf_plus(hmac.new(bytes(32), secret_key, hashlib.sha256).digest(), info, length)


def usage_kdf(secret_key, label, data, length=64):
    return prf_plus(secret_key, label + b"\0" + data + be(length, 2), length)


def sha1_compress(block):
    """One compression of SHA-1 from its initial state (FIPS 180-4 6.1.2)."""
    def rotate(x, n):
        return ((x << n) | (x >> (32 - n))) & 0xFFFFFFFF

    w = list(struct.unpack(">16I", block))
    for t in range(16, 80):
        w.append(rotate(w[t - 3] ^ w[t - 8] ^ w[t - 14] ^ w[t - 16], 1))
    initial = [0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476, 0xC3D2E1F0]
    a, b, c, d, e = initial
    for t in range(80):
        if t < 20:
            f, k = (b & c) | (~b & d), 0x5A827999
        elif t < 40:
            f, k = b ^ c ^ d, 0x6ED9EBA1
        elif t < 60:
            f, k = (b & c) | (b & d) | (c & d), 0x8F1BBCDC
        else:
            f, k = b ^ c ^ d, 0xCA62C1D6
        a, b, c, d, e = (rotate(a, 5) + (f & 0xFFFFFFFF) + e + k + w[t]) & 0xFFFFFFFF, a, rotate(b, 30), c, d
    return b"".join(be((x + y) & 0xFFFFFFFF, 4) for x, y in zip(initial, [a, b, c, d, e]))


def fips_186_2(xkey, length):
    output, value = b"", int.from_bytes(xkey, "big")
    while len(output) < length:
        w = sha1_compress(be(value, 20) + bytes(44))
        output += w
        value = (1 + value + int.from_bytes(w, "big")) % 2**160
    return output[:length]


def akma():
    supi = ("supi", "imsi-001010000000001", b"001010000000001")
    k_ausf = EMSK[:32]
    yield row("K_AUSF", "k_akma", "TS 33.535 A.2", "K_AKMA", 0x80, [b"AKMA", supi])
    made = row("K_AUSF", "k_akma", "TS 33.535 A.2", "K_AKMA", 0x80, [b"AKMA", supi])
    yield fixed_parent(made, "after RFC 9048 case 1", k_ausf, lambda k: kdf(k, 0x80, [b"AKMA", supi[2]])[1])
    made = row("K_AUSF", "a_tid", "TS 33.535 A.3", "A-TID", 0x81, [b"A-TID", supi])
    yield fixed_parent(made, "after RFC 9048 case 1", k_ausf, lambda k: kdf(k, 0x81, [b"A-TID", supi[2]])[1])
    k_akma = kdf(k_ausf, 0x80, [b"AKMA", supi[2]])[1]
    for protocol in ["0100000002", "01000100a8", "0100021301"]:
        octets = b"af.example.com" + bytes.fromhex(protocol)
        made = row("K_AKMA", "k_af", "TS 33.535 A.4", "K_AF", 0x82, [("af-id", "af.example.com/" + protocol, octets)])
        yield fixed_parent(made, protocol, k_akma, lambda k: kdf(k, 0x82, [octets])[1])
    clause = "Project profile AKMA-OSCORE-P1, after TS 33.535 D.3"
    yield function("K_AF", "oscore_master_secret", clause, "OSCORE master secret (AKMA)", lambda k, o: hkdf(k, o[0], 16), [b"AKMA-OSCORE"], 32)


def gba():
    impi = ("impi", "001010000000001@ims.mnc001.mcc001.3gppnetwork.org", b"001010000000001@ims.mnc001.mcc001.3gppnetwork.org")
    naf = ("naf-id", "naf.example.com/0100000002", b"naf.example.com\x01\0\0\0\x02")
    rand = ("rand", RFC_9048_RAND, bytes.fromhex(RFC_9048_RAND))
    yield function("CK||IK", "ks", "TS 33.220 4.5.2", "Ks", lambda parent, _: parent, [])
    for method, name, label in [("ks_naf", "Ks_NAF", b"gba-me"), ("ks_ext_naf", "Ks_ext_NAF", b"gba-me"), ("ks_int_naf", "Ks_int_NAF", b"gba-u")]:
        inputs = [label, rand, impi, naf]
        octets = [label, rand[2], impi[2], naf[2]]
        made = row("Ks", method, "TS 33.220 B.3", name, 0x01, inputs)
        yield fixed_parent(made, "after RFC 9048 case 1", CK + IK, lambda k: kdf(k, 0x01, octets)[1])
    fqdn = "bsf.mnc001.mcc001.pub.3gppnetwork.org"
    bsf = ("bsf-id", fqdn, text(fqdn) + b"\x01\0\0\x01\0")
    yield row("Ks", "tmpi", "TS 33.220 B.4", "TMPI", 0x01, [b"gba-me", RAND, impi, bsf])
    master, response = hexed("tls-mk-extr", secret("TLS_MK_Extr", 48)), hexed("resp", bytes(range(32)))
    yield row("H(A1)", "passwd", "TS 33.220 B.5", "passwd", 0x01, [b"GBA_Digest_RESP", master])
    yield row("H(A1)", "ks_digest", "TS 33.220 B.5", "Ks (GBA_Digest)", 0x01, [b"GBA_Digest_Ks", master, response])


def best():
    sqn = ("sqn-xor-ak", RFC_9048_SQN_XOR_AK.hex(), RFC_9048_SQN_XOR_AK)
    octets = [NETWORK[2], sqn[2]]
    made = row("CK||IK", "k_hse", "TS 33.163", "K_HSE", 0x63, [NETWORK, sqn])
    yield fixed_parent(made, "RFC 9048 case 1", CK + IK, lambda k: kdf(k, 0x63, octets)[1])
    made = row("CK'||IK'", "k_hse", "TS 33.163", "K_HSE", 0x64, [NETWORK, sqn])
    ck_ik_prime = kdf(CK + IK, 0x20, octets)[1]
    yield fixed_parent(made, "RFC 9048 case 1", ck_ik_prime, lambda k: kdf(k, 0x64, octets)[1])
    for label in ["e2m_CIoT", "e2m_ CIoT"]:
        made = row("CK||IK", "e2m_int_key", "project profile BEST-1", "e2m_int_key", 0xF0, [("label", label, text(label))])
        made["name"] += f", {label!r}"
        yield made
    emse = ("emse-id", "meter-reading.example.com", b"meter-reading.example.com")
    yield row("e2m_int_key", "e2m_key", "project profile BEST-1", "e2m_key", 0xF1, [emse, ("label", "e2m_CIoT", b"e2m_CIoT")])


def hexed(option, octets):
    return (option, octets.hex(), octets)


def pc5():
    service = hexed("relay-service-code", bytes.fromhex("00a1b2"))
    first, second = hexed("k-nrp-freshness-parameter-1", bytes(range(16))), hexed("k-nrp-freshness-parameter-2", bytes(range(16, 32)))
    yield row("UP-PRUK", "k_nrp", "TS 33.503 A.8", "K_NRP", 0x8A, [service, first, second])
    nonces = [hexed("nonce-1", bytes(range(32, 48))), hexed("nonce-2", bytes(range(48, 64)))]
    yield row("K_NRP", "k_nrp_sess", "TS 33.536 Annex A", "K_NRP-sess", 0x7F, nonces)
    yield row("K_NRP-sess", "nrpek", "TS 33.536 A.3", "NRPEK", 0x7E, [b"\0", ("ciphering-algorithm-identity", "NEA2", b"\x02")], "low 128")
    yield row("K_NRP-sess", "nrpik", "TS 33.536 A.3", "NRPIK", 0x7E, [b"\x01", ("integrity-algorithm-identity", "NIA3", b"\x03")], "low 128")
    yield row("discovery key", "dcr_keystream", "TS 33.503 A.5", "DCR keystream", 0x88, [hexed("utc-based-counter", bytes.fromhex("67fa10c0")), service])
    group = [
        hexed("group-member-identity", bytes.fromhex("0a0b0c")),
        hexed("ptk-identity", bytes.fromhex("0001")),
        hexed("group-identity", bytes.fromhex("0d0e0f")),
    ]
    yield row("PGK", "ptk", "TS 33.303 A.3", "PTK", 0x4A, group)
    yield function("EMSK", "k_ausf_p", "TS 33.503 6.3.3.3", "K_AUSF_P", lambda k, _: k[:32], [], 64)
    supi = ("supi", "imsi-001010000000001", b"001010000000001")
    yield row("K_AUSF_P", "cp_pruk", "TS 33.503 A.2", "CP-PRUK", 0x85, [supi, service])
    yield row("K_AUSF_P", "cp_pruk_id", "TS 33.503 A.3", "CP-PRUK ID*", 0x86, [b"PRUK-ID", service, supi])
    yield row("CP-PRUK", "k_nr_prose", "TS 33.503 A.4", "K_NR_ProSe", 0x87, nonces[::-1])


def ranging():
    link = [
        hexed("ranging-sl-positioning-application-identifier", bytes.fromhex("010203")),
        hexed("k-slp-nonce-1", bytes(range(64, 80))),
        hexed("k-slp-nonce-2", bytes(range(80, 96))),
    ]
    yield row("SLPK", "k_slp", "TS 33.533 A.2", "K_SLP", 0x8C, link)
    member = [hexed("group-member-identity", bytes.fromhex("0a0b0c")), hexed("slptk-identity", bytes.fromhex("0102"))]
    yield row("SLPGK", "slptk", "TS 33.533 A.3", "SLPTK", 0x8D, member)
    yield row("SLPTK", "slpek", "TS 33.533 A.4", "SLPEK", 0x8E, [b"\0", ("ciphering-algorithm-identity", "NEA1", b"\x01")], "low 128")
    yield row("SLPTK", "slpik", "TS 33.533 A.4", "SLPIK", 0x8E, [b"\x01", ("integrity-algorithm-identity", "NIA2", b"\x02")], "low 128")


def cuts(parent, octets, clause, parts, of_parent=lambda parent: parent):
    for method, child, start, end in parts:
        yield function(parent, method, clause, child, lambda p, _: of_parent(p)[start:end], [], octets)


def eap_aka_prime():
    rfc = "RFC 9048 3.3"
    sqn = ("sqn-xor-ak", RFC_9048_SQN_XOR_AK.hex(), RFC_9048_SQN_XOR_AK)
    yield row("CK||IK", "ck_ik_prime", "TS 33.501 A.3", "CK'||IK'", 0x20, [NETWORK, SQN_XOR_AK])
    wlan = ("access-network-identity", "WLAN", b"WLAN")
    made = row("CK||IK", "ck_ik_prime_access", "TS 33.402 A.2", "CK'||IK'", 0x20, [wlan, sqn])
    yield fixed_parent(made, "RFC 9048 case 1", CK + IK, lambda k: kdf(k, 0x20, [b"WLAN", sqn[2]])[1])
    ck_ik_prime = kdf(CK + IK, 0x20, [b"WLAN", sqn[2]])[1]

    def master_key(parent, octets):
        return prf_plus(parent[16:] + parent[:16], b"".join(octets), 208)

    made = function("CK'||IK'", "mk", rfc, "MK (EAP-AKA')", master_key, [b"EAP-AKA'", IDENTITY])
    yield fixed_parent(made, "RFC 9048 case 1", ck_ik_prime, lambda k: master_key(k, [b"EAP-AKA'", IDENTITY[2]]))
    yield from cuts("MK (EAP-AKA')", 208, rfc, [
        ("k_encr", "K_encr", 0, 16), ("k_aut", "K_aut", 16, 48), ("k_re", "K_re", 48, 80),
        ("msk", "MSK", 80, 144), ("emsk", "EMSK", 144, 208),
    ])
    reauthentication = [b"EAP-AKA' re-auth", IDENTITY, COUNTER, NONCE_S]
    yield function("K_re", "mk_reauthentication", rfc, "MK (EAP-AKA' re-auth)", lambda k, o: prf_plus(k, b"".join(o), 128), reauthentication)
    yield from cuts("MK (EAP-AKA' re-auth)", 128, rfc, [("msk", "MSK", 0, 64), ("emsk", "EMSK", 64, 128)])
    yield from forward_secrecy(ck_ik_prime)
    yield from cuts("MSK", 64, "TS 33.501 Annex S", [("pmk", "PMK", 0, 32)])
    yield from cuts("MSK", 64, "TS 33.501 I.2.2.2", [("k_ausf", "K_AUSF", 0, 32)])
    made = function("EMSK", "k_ausf", "TS 33.501 6.1.3.1", "K_AUSF", lambda k, _: k[:32], [], 64)
    yield fixed_parent(made, "RFC 9048 case 1", EMSK, lambda k: k[:32])


def forward_secrecy(ck_ik_prime):
    rfc = "RFC 9678 6.3"
    shared = hexed("ecdhe-shared-secret", bytes(range(32)))

    def master_key(parent, octets):
        return prf_plus(parent[16:] + parent[:16] + octets[0], b"".join(octets[1:]), 160)

    made = function("CK'||IK'", "mk_ecdhe", rfc, "MK_ECDHE", master_key, [shared, b"EAP-AKA' FS", IDENTITY])
    yield fixed_parent(made, "RFC 9048 case 1", ck_ik_prime, lambda k: master_key(k, [shared[2], b"EAP-AKA' FS", IDENTITY[2]]))
    yield from cuts("MK_ECDHE", 160, rfc, [("k_re", "K_re", 0, 32), ("msk", "MSK", 32, 96), ("emsk", "EMSK", 96, 160)])


def eap_aka():
    rfc = "RFC 4187 7"

    def master_key(parent, octets):
        return hashlib.sha1(octets[0] + parent[16:] + parent[:16]).digest()

    yield function("CK||IK", "mk_aka", rfc, "MK (EAP-AKA)", master_key, [IDENTITY])
    yield from cuts("MK (EAP-AKA)", 20, rfc, [
        ("k_encr", "K_encr", 0, 16), ("k_aut", "K_aut (EAP-AKA)", 16, 32), ("msk", "MSK", 32, 96), ("emsk", "EMSK", 96, 160),
    ], lambda mk: fips_186_2(mk, 160))
    inputs = [IDENTITY, COUNTER, NONCE_S]
    yield function("MK (EAP-AKA)", "xkey_prime", rfc, "XKEY'", lambda mk, o: hashlib.sha1(b"".join(o) + mk).digest(), inputs, 20)
    yield from cuts("XKEY'", 20, rfc, [("msk", "MSK", 0, 64), ("emsk", "EMSK", 64, 128)], lambda xkey: fips_186_2(xkey, 128))


def usages():
    """RFC 5295 and RFC 6696."""
    root = b"EAP Re-authentication Root Key@ietf.org"

    def made(parent, method, clause, child, inputs):
        return function(parent, method, clause, child, lambda k, o: usage_kdf(k, o[0], b"".join(o[1:])), inputs, 64)

    def after_rfc_9048(parent_octets, built):
        return fixed_parent(built[0], "after RFC 9048 case 1", parent_octets, lambda k: usage_kdf(k, *built[1:]))

    label = ("usage-label", "telemetry@example.org", b"telemetry@example.org")
    for parent, method, clause, child in [("EMSK", "usrk", "RFC 5295 3.1", "USRK"), ("DSRK", "dsusrk", "RFC 5295 4", "DSUSRK")]:
        for data in [b"", b"\x0a\x0b"]:
            with_data = made(parent, method, clause, child, [label, hexed("usage-data", data)])
            with_data["name"] += f", {len(data)} octets of data"
            yield with_data
    domain = ("domain", "example.org", b"example.org")
    dsrk = made("EMSK", "dsrk", "RFC 5295 4", "DSRK", [b"dsrk@ietf.org", domain])
    yield after_rfc_9048(EMSK, (dsrk, b"dsrk@ietf.org", b"example.org"))
    authorization = b"DSRK Delivery Authorized Key@ietf.org"
    made_key = made("EMSK", "dsrk_authorization", "RFC 6696 5.3.3", "DSRK delivery authorization key", [authorization, domain])
    yield after_rfc_9048(EMSK, (made_key, authorization, b"example.org"))
    yield from profile_of_usages(made)
    yield from of_5g_aka(made, label, domain)
    r_rk = usage_kdf(EMSK, root, b"")
    yield after_rfc_9048(EMSK, (made("EMSK", "r_rk", "RFC 6696 4.1", "rRK", [root]), root, b""))
    yield made("DSRK", "r_rk", "RFC 6696 4.1", "rRK", [root])
    integrity = b"Re-authentication Integrity Key@ietf.org"
    r_ik = made("rRK", "r_ik", "RFC 6696 4.3", "rIK", [integrity, ("cryptosuite", "2", b"\x02")])
    yield after_rfc_9048(r_rk, (r_ik, integrity, b"\x02"))
    session = b"Re-authentication Master Session Key@ietf.org"
    r_msk = made("rRK", "r_msk", "RFC 6696 4.6", "rMSK", [session, ("seq", "0", b"\0\0")])
    yield after_rfc_9048(r_rk, (r_msk, session, b"\0\0"))
    yield made("rRK", "r_msk", "RFC 6696 4.6", "rMSK", [session, ("seq", "258", b"\x01\x02")])


def profile_of_usages(made):
    """The optional data of services and slices: version, kind, length and S-NSSAI, length and application."""
    label = ("usage-label", "keys@5gc.example.org", b"keys@5gc.example.org")
    longest = b"\xa5" * 2048
    for words, data in [
        ("service:chat", b"\x01\x01\x00" + be(4, 2) + b"chat"),
        ("slice:1", b"\x01\x02\x01\x01" + be(0, 2)),
        ("slice:1-0000d1", b"\x01\x02\x04\x01\x00\x00\xd1" + be(0, 2)),
        ("slice:255-ABCDEF/meter reading", b"\x01\x02\x04\xff\xab\xcd\xef" + be(13, 2) + b"meter reading"),
        (longest.hex(), longest),
    ]:
        shown = words if len(words) < 100 else "2048 octets"
        for parent, method, clause, child in [("EMSK", "usrk", "RFC 5295 3.1", "USRK"), ("DSRK", "dsusrk", "RFC 5295 4", "DSUSRK")]:
            with_data = made(parent, method, clause, child, [label, ("usage-data", words, data)])
            with_data["name"] += f", {shown}"
            yield with_data


def of_5g_aka(made, label, domain):
    """MSK and EMSK out of K_AUSF: project profile 5G-AKA-EMSK-1."""
    profile = "Project profile 5G-AKA-EMSK-1, after RFC "
    supi = ("supi", "imsi-001010000000001", b"001010000000001")
    inputs = [b"Kaskade MSK and EMSK of 5G AKA 1", supi]
    clause = profile + "5295 3.1"
    yield function("K_AUSF", "mk_5g_aka", clause, "MK (5G AKA)", lambda k, o: usage_kdf(k, o[0], o[1], 128), inputs, 32)
    yield from cuts("MK (5G AKA)", 128, profile + "9048 3.3", [("msk", "MSK (5G AKA)", 0, 64), ("emsk", "EMSK (5G AKA)", 64, 128)])
    for data in [b"", b"\x0a\x0b"]:
        with_data = made("EMSK (5G AKA)", "usrk", clause, "USRK", [label, hexed("usage-data", data)])
        with_data["name"] += f", {len(data)} octets of data"
        yield with_data
    yield made("EMSK (5G AKA)", "dsrk", clause, "DSRK", [b"dsrk@ietf.org", domain])


def cases():
    for part in [akma, gba, best, pc5, ranging, eap_aka_prime, eap_aka, usages]:
        yield from part()
