"""Example values of every derivation of the key hierarchy, computed from the specifications' facts alone.

Knows nothing of the program under test: FC, order, widths and kept bits stand here a second time, written down from the
specifications. Prints the files vectors/rows-*.json; only Python's own hmac and hashlib are needed.

  python3 interop/oracle/rows.py vectors          writes the files into that folder
"""
import hashlib
import hmac
import json
import pathlib
import sys


def be(value, octets):
    return int(value).to_bytes(octets, "big")


def text(value):
    return value.encode()


def kdf(key, fc, parameters):
    s = bytes([fc])
    for parameter in parameters:
        s += parameter + be(len(parameter), 2)
    return s, hmac.new(key, s, hashlib.sha256).digest()


CUTS = {"all": slice(0, 32), "low 128": slice(16, 32), "high 128": slice(0, 16), "high 64": slice(0, 8)}


def secret(seed, octets=32):
    """Octets that look random but that anybody can make again."""
    made = b""
    while len(made) < octets:
        made += hashlib.sha256(f"example of {seed}, {len(made)}".encode()).digest()
    return made[:octets]


def case(parent, method, clause, child, s, output, inputs, parent_octets=32):
    return {
        "name": f"{parent} {method} ({clause})",
        "from": f"computed from {clause}",
        "parent": parent,
        "method": method,
        "child": child,
        "key": secret(parent, parent_octets).hex(),
        "inputs": inputs,
        "s": s.hex(),
        "output": output.hex(),
        "verified": True,
    }


def row(parent, method, clause, child, fc, parameters, keep="all", parent_octets=32):
    """A derivation with the KDF of TS 33.220. A parameter is octets, or (option, text, octets) when it is given."""
    octets = [p if isinstance(p, bytes) else p[2] for p in parameters]
    inputs = {p[0]: p[1] for p in parameters if not isinstance(p, bytes)}
    s, output = kdf(secret(parent, parent_octets), fc, octets)
    return case(parent, method, clause, child, s, output[CUTS[keep]], inputs, parent_octets)


def function(parent, method, clause, child, compute, parameters, parent_octets=32):
    """Another derivation: compute(parent, octets of the parameters) gives the child."""
    octets = [p if isinstance(p, bytes) else p[2] for p in parameters]
    inputs = {p[0]: p[1] for p in parameters if not isinstance(p, bytes)}
    output = compute(secret(parent, parent_octets), octets)
    return case(parent, method, clause, child, b"".join(octets), output, inputs, parent_octets)


SNN = "5G:mnc001.mcc001.3gppnetwork.org"
NETWORK = ("serving-network-name", SNN, text(SNN))
SQN_XOR_AK = ("sqn-xor-ak", "55f328b43577", bytes.fromhex("55f328b43577"))
RAND = ("rand", "23553cbe9637a89d218ae64dae47bf35", bytes.fromhex("23553cbe9637a89d218ae64dae47bf35"))
RES_OCTETS = bytes.fromhex("a54211d5e3ba50bf")
PCI = ("pci", "500", be(500, 2))


def count(option, value):
    return (option, str(value), be(value, 4))


def counter(option, value):
    return (option, str(value), be(value, 2))


def key(option, name):
    return (option, secret(name).hex(), secret(name))


def algorithm_keys(parent, clause, fc, suffix, which):
    names = {
        "k_nas_enc": ("K_NASenc", 1, ("ciphering-algorithm-identity", "NEA2", b"\x02")),
        "k_nas_int": ("K_NASint", 2, ("integrity-algorithm-identity", "NIA1", b"\x01")),
        "k_rrc_enc": ("K_RRCenc", 3, ("ciphering-algorithm-identity", "NEA3", b"\x03")),
        "k_rrc_int": ("K_RRCint", 4, ("integrity-algorithm-identity", "NIA2", b"\x02")),
        "k_up_enc": ("K_UPenc", 5, ("ciphering-algorithm-identity", "NEA1", b"\x01")),
        "k_up_int": ("K_UPint", 6, ("integrity-algorithm-identity", "NIA3", b"\x03")),
    }
    for method in which:
        name, distinguisher, identity = names[method]
        yield row(parent, method, clause, name + suffix, fc, [bytes([distinguisher]), identity], "low 128")


ACCESS_STRATUM = ["k_rrc_enc", "k_rrc_int", "k_up_enc", "k_up_int"]


def sha256_low(response, octets):
    return hashlib.sha256(octets[0] + response).digest()[16:]


def fivegs():
    """TS 33.501 Annex A."""
    yield row("CK||IK", "k_ausf", "TS 33.501 A.2", "K_AUSF", 0x6A, [NETWORK, SQN_XOR_AK])
    yield row("CK||IK", "res_star", "TS 33.501 A.4", "RES*", 0x6B, [NETWORK, RAND, ("res", RES_OCTETS.hex(), RES_OCTETS)], "low 128")
    yield row("CK||IK", "xres_star", "TS 33.501 A.4", "XRES*", 0x6B, [NETWORK, RAND, ("xres", RES_OCTETS.hex(), RES_OCTETS)], "low 128")
    yield function("RES*", "hres_star", "TS 33.501 A.5", "HRES*", sha256_low, [RAND], 16)
    yield function("XRES*", "hxres_star", "TS 33.501 A.5", "HXRES*", sha256_low, [RAND], 16)
    yield row("K_AUSF", "k_seaf", "TS 33.501 A.6", "K_SEAF", 0x6C, [NETWORK])
    supi = ("supi", "imsi-001010000000001", b"001010000000001")
    yield row("K_SEAF", "k_amf", "TS 33.501 A.7", "K_AMF", 0x6D, [supi, ("abba", "0000", b"\0\0")])
    yield from algorithm_keys("K_AMF", "TS 33.501 A.8", 0x69, "", ["k_nas_enc", "k_nas_int"])
    yield from algorithm_keys("K_gNB", "TS 33.501 A.8", 0x69, "", ACCESS_STRATUM)
    yield from algorithm_keys("K_SN", "TS 33.501 A.8", 0x69, " (SN)", ACCESS_STRATUM)
    uplink = count("uplink-nas-count", 74565)
    yield row("K_AMF", "k_gnb", "TS 33.501 A.9", "K_gNB", 0x6E, [uplink, b"\x01"])
    for method, name in [("k_n3iwf", "K_N3IWF"), ("k_tngf", "K_TNGF"), ("k_wagf", "K_WAGF")]:
        yield row("K_AMF", method, "TS 33.501 A.9", name, 0x6E, [uplink, b"\x02"])
    yield row("K_AMF", "k_twif", "TS 33.501 A.9", "K_TWIF", 0x6E, [bytes(4), b"\x02"])
    handover = ("uplink-nas-count", "handover", b"\xff" * 4)
    after = row("K_AMF", "k_gnb", "TS 33.501 A.9", "K_gNB", 0x6E, [handover, b"\x01"])
    after["name"] += ", after a handover"
    yield after
    yield row("K_AMF", "nh", "TS 33.501 A.10", "NH", 0x6F, [key("sync-input", "K_gNB")])
    for parent in ["K_gNB", "NH"]:
        arfcn = ("arfcn-dl", "632628", be(632628, 3))
        yield row(parent, "k_ng_ran_star", "TS 33.501 A.11", "K_gNB", 0x70, [PCI, arfcn])
        earfcn = ("earfcn-dl", "3350", be(3350, 3))
        yield row(parent, "k_ng_ran_star_ng_enb", "TS 33.501 A.12", "K_gNB", 0x71, [PCI, earfcn])
    yield row("K_AMF", "k_amf_prime", "TS 33.501 A.13", "K_AMF", 0x72, [("direction", "downlink", b"\x01"), count("nas-count", 7)])
    yield row("K_AMF", "k_asme_prime_idle", "TS 33.501 A.14.1", "K_ASME", 0x73, [uplink])
    downlink = count("downlink-nas-count", 258)
    yield row("K_AMF", "k_asme_prime_handover", "TS 33.501 A.14.2", "K_ASME", 0x74, [downlink])
    yield row("K_ASME", "k_amf_prime_idle", "TS 33.501 A.15.1", "K_AMF", 0x75, [count("eps-uplink-nas-count", 3)])
    yield row("K_ASME", "k_amf_prime_handover", "TS 33.501 A.15.2", "K_AMF", 0x76, [key("nh", "NH (EPS)")])
    yield row("K_gNB", "k_sn", "TS 33.501 A.16", "K_SN", 0x79, [counter("sn-counter", 1)])
    listed = bytes.fromhex("09f1070400")
    sor = [("sor-header", "0e", b"\x0e"), counter("countersor", 1), ("sor-list", listed.hex(), listed)]
    yield row("K_AUSF", "sor_mac_i_ausf", "TS 33.501 A.17", "SoR-MAC-I_AUSF", 0x77, sor, "low 128")
    empty = row("K_AUSF", "sor_mac_i_ausf", "TS 33.501 A.17", "SoR-MAC-I_AUSF", 0x77, sor[:2], "low 128")
    empty["inputs"]["sor-list"] = ""
    empty["name"] += ", nothing to protect"
    yield empty
    yield row("K_AUSF", "sor_mac_i_ue", "TS 33.501 A.18", "SoR-MAC-I_UE", 0x78, [b"\x01", counter("countersor", 1)], "low 128")
    data = bytes.fromhex("0100050102030405")
    upu = [("upu-data", data.hex(), data), counter("counterupu", 2)]
    yield row("K_AUSF", "upu_mac_i_ausf", "TS 33.501 A.19", "UPU-MAC-I_AUSF", 0x7B, upu, "low 128")
    yield row("K_AUSF", "upu_mac_i_ue", "TS 33.501 A.20", "UPU-MAC-I_UE", 0x7C, [b"\x01", counter("counterupu", 2)], "low 128")
    yield row("K_AMF", "k_asme_srvcc", "TS 33.501 A.21", "K_ASME_SRVCC", 0x7D, [downlink])
    yield row("K_TNGF", "k_tipsec", "TS 33.501 A.22", "K_TIPSec", 0x84, [b"\x01"])
    for parent in ["K_TNGF", "K_TWIF"]:
        yield row(parent, "k_tnap", "TS 33.501 A.22", "K_TNAP", 0x84, [b"\x02"])
        yield row(parent, "k_ft", "TS 33.501 A.22", "K_FT", 0x84, [b"\x03"])
    donor = ("iab-donor-cu-address", "192.0.2.1", bytes([192, 0, 2, 1]))
    node = ("iab-node-du-address", "2001:db8::5", bytes.fromhex("20010db8000000000000000000000005"))
    for parent in ["K_gNB", "K_SN", "S-K_gNB"]:
        yield row(parent, "k_iab", "TS 33.501 A.23", "K_IAB", 0x83, [donor, node])


def eps():
    """TS 33.401 Annex A."""
    sn_id = ("sn-id", "001-01", bytes.fromhex("00f110"))
    yield row("CK||IK", "k_asme", "TS 33.401 A.2", "K_ASME", 0x10, [sn_id, SQN_XOR_AK])
    uplink, downlink = count("uplink-nas-count", 65793), count("downlink-nas-count", 9)
    yield row("K_ASME", "k_enb", "TS 33.401 A.3", "K_eNB", 0x11, [uplink])
    yield row("K_ASME", "nh", "TS 33.401 A.4", "NH (EPS)", 0x12, [key("sync-input", "K_eNB")])
    for parent in ["K_eNB", "NH (EPS)"]:
        for earfcn, octets in [(3350, 2), (65535, 2), (65536, 3)]:
            given = ("earfcn-dl", str(earfcn), be(earfcn, octets))
            made = row(parent, "k_enb_star", "TS 33.401 A.5", "K_eNB", 0x13, [PCI, given])
            made["name"] += f", EARFCN-DL {earfcn}"
            yield made
    yield from algorithm_keys("K_ASME", "TS 33.401 A.7", 0x15, " (EPS)", ["k_nas_enc", "k_nas_int"])
    yield from algorithm_keys("K_eNB", "TS 33.401 A.7", 0x15, " (EPS)", ACCESS_STRATUM)
    yield row("K_ASME", "ck_ik_prime_handover", "TS 33.401 A.8", "CK'||IK' (UTRAN)", 0x16, [downlink])
    yield row("K_ASME", "nas_token", "TS 33.401 A.9", "NAS-token", 0x17, [uplink])
    nonce_ue = ("nonce-ue", "5f2c7d10", bytes.fromhex("5f2c7d10"))
    nonce_mme = ("nonce-mme", "e14aa3f0", bytes.fromhex("e14aa3f0"))
    yield row("CK||IK", "k_asme_prime_handover", "TS 33.401 A.10", "K_ASME", 0x18, [nonce_mme])
    yield row("CK||IK", "k_asme_prime_idle", "TS 33.401 A.11", "K_ASME", 0x19, [nonce_ue, nonce_mme])
    yield row("K_ASME", "ck_ik_srvcc", "TS 33.401 A.12", "CK_SRVCC||IK_SRVCC", 0x1A, [downlink])
    yield row("K_ASME_SRVCC", "ck_ik_srvcc", "TS 33.401 A.12", "CK_SRVCC||IK_SRVCC", 0x1A, [bytes(4)])
    yield row("K_ASME", "ck_ik_prime_idle", "TS 33.401 A.13", "CK'||IK' (UTRAN)", 0x1B, [uplink])
    scg = counter("scg-counter", 513)
    yield row("K_eNB", "s_k_enb", "TS 33.401 A.15", "S-K_eNB", 0x1C, [scg])
    yield row("K_eNB", "s_k_gnb", "TS 33.401 A.15", "S-K_gNB", 0x1C, [scg])
    yield from algorithm_keys("S-K_eNB", "TS 33.401 A.7", 0x15, " (SeNB)", ["k_up_enc"])
    yield from algorithm_keys("S-K_gNB", "TS 33.401 A.19", 0x69, " (SgNB)", ACCESS_STRATUM)
    yield row("K_eNB", "lwip_psk", "TS 33.401 Annex H", "LWIP-PSK", 0x1E, [counter("lwip-counter", 4)])
    yield row("K_eNB", "s_k_wt", "TS 33.401 Annex G", "S-K_WT", 0x1F, [counter("wt-counter", 5)])


def xor(*words):
    made = bytes(len(words[0]))
    for word in words:
        made = bytes(a ^ b for a, b in zip(made, word))
    return made


def c2(res, _):
    padded = res.ljust(16, b"\0")
    return xor(*(padded[at:at + 4] for at in range(0, 16, 4)))


def c3(ck_ik, _):
    return xor(*(ck_ik[at:at + 8] for at in range(0, 32, 8)))


def c4_c5(kc, _):
    halves = xor(kc[:4], kc[4:])
    return kc + kc + halves + kc + halves


def umts():
    """TS 33.102 6.8 and Annex B, TS 43.020 H.6, TS 24.301 4.4.2.5."""
    yield function("RES", "c2", "TS 33.102 6.8.1.2", "SRES", c2, [], 8)
    yield function("CK||IK", "kc", "TS 33.102 6.8.1.2", "Kc", c3, [])
    yield function("Kc", "ck_ik_gsm", "TS 33.102 6.8.2.4", "CK||IK (GSM)", c4_c5, [], 8)
    nonce = bytes(range(0x60, 0x70))
    given = ("nonce", nonce.hex(), nonce)
    yield row("CK||IK", "ck_ik_prime_cs", "TS 33.102 B.3", "CK'_CS||IK'_CS", 0x30, [given])
    yield function("CK'_CS||IK'_CS", "kc_prime", "TS 33.102 B.3", "Kc'", c3, [])
    yield function("Kc", "four_times", "TS 33.102 B.4", "Kc (4 times)", lambda kc, _: kc * 4, [], 8)
    yield row("Kc (4 times)", "kc_prime", "TS 33.102 B.4", "Kc'", 0x31, [given], "high 64")
    yield function("Kc'", "ck_ik", "TS 33.102 B.4", "CK||IK (GSM)", c4_c5, [], 8)
    yield row("CK||IK", "kc128", "TS 33.102 B.5", "Kc128", 0x32, [], "high 128")
    yield row("CK||IK", "ck_ik_prime_ps", "TS 33.102 B.6", "CK'_PS||IK'_PS", 0x33, [("nonce-msc", nonce.hex(), nonce)])
    yield row("CK||IK", "ki128", "TS 43.020 H.6", "Ki128", 0x38, [], "low 128")
    yield function("CK'_PS||IK'_PS", "k_asme", "TS 24.301 4.4.2.5", "K_ASME", lambda key, _: key, [])


def main():
    import rows_apps

    files = {
        "rows-5gs.json": ("TS 33.501 Annex A", fivegs),
        "rows-eps.json": ("TS 33.401 Annex A", eps),
        "rows-umts.json": ("TS 33.102 6.8 and Annex B", umts),
        "rows-apps.json": ("applications, PC5, BEST and EAP", rows_apps.cases),
    }
    folder = pathlib.Path(sys.argv[1])
    for name, (what, cases) in files.items():
        document = {
            "source": f"interop/oracle/rows.py: {what}, computed by a script that shares nothing with the program",
            "notes": "One case at least for every derivation. key is the parent's octets, inputs are texts by option name, s is what is hashed.",
            "cases": list(cases()),
        }
        (folder / name).write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n")
        print(f"{name}: {len(document['cases'])} cases")


if __name__ == "__main__":
    main()
