"""Other people's key derivations behind one question: parent, method, key, inputs in order -> key, or null if unknown.

  libosmogsm     by ctypes, from Debian's libosmocore (osmo_kdf_*): EPS and Kc128
  CryptoMobile   its conv module, from the folder in KASKADE_CRYPTOMOBILE (it is in no package index): 5GS

The same lines of JSON as reference.py: {"fn": "peers", "args": []} names those that are there, {"fn": "derive", "args":
[peer, parent, method, key, input, ...]} derives. Runs as a process of its own; nothing of the peers enters the project.
"""
import ctypes
import ctypes.util
import json
import os
import sys


def number(octets):
    return int.from_bytes(octets, "big")


def osmocom():
    """libosmogsm, or None."""
    for name in [ctypes.util.find_library("osmogsm"), "libosmogsm.so.18", "libosmogsm.so.20", "libosmogsm.so"]:
        try:
            library = ctypes.CDLL(name) if name else None
        except OSError:
            library = None
        if library is not None and hasattr(library, "osmo_kdf_kasme"):
            break
    else:
        return None

    def call(function, octets, *arguments):
        out = ctypes.create_string_buffer(octets)
        function(*arguments, out)
        return out.raw

    def k_asme(key, sn_id, sqn_xor_ak):
        # The library takes SQN and AK apart; AK = 0 leaves SQN xor AK as it is.
        out = ctypes.create_string_buffer(32)
        library.osmo_kdf_kasme(key[:16], key[16:], sn_id, sqn_xor_ak, bytes(6), out)
        return out.raw

    def nas(kind):
        return lambda key, identity: call(library.osmo_kdf_nas, 16, kind, number(identity), key)

    return {
        ("CK||IK", "k_asme"): k_asme,
        ("CK||IK", "kc128"): lambda key: call(library.osmo_kdf_kc128, 16, key[:16], key[16:]),
        ("K_ASME", "k_enb"): lambda key, count: call(library.osmo_kdf_enb, 32, key, ctypes.c_uint32(number(count))),
        ("K_ASME", "nh"): lambda key, sync: call(library.osmo_kdf_nh, 32, key, sync),
        ("K_ASME", "k_nas_enc"): nas(1),
        ("K_ASME", "k_nas_int"): nas(2),
    }


def cryptomobile():
    """CryptoMobile's conv module, or None."""
    folder = os.environ.get("KASKADE_CRYPTOMOBILE")
    if not folder:
        return None
    sys.path.insert(0, folder)
    from CryptoMobile import conv

    def low(function):
        return lambda *arguments: function(*arguments)[16:]

    def algorithm(kind):
        return lambda key, identity: conv.conv_501_A8(key, kind, number(identity))[16:]

    def counted(function):
        return lambda key, count: function(key, number(count))

    def cell(function):
        return lambda key, pci, frequency: function(key, number(pci), number(frequency))

    def access(kind):
        return lambda key, count: conv.conv_501_A9(key, number(count), kind)

    def sor(key, header, counter, listed):
        return conv.conv_501_A17(key, header, number(counter), listed or None)[16:]

    known = {
        ("CK||IK", "k_ausf"): lambda key, name, sqn: conv.conv_501_A2(key[:16], key[16:], name, sqn),
        ("CK||IK", "ck_ik_prime"): lambda key, name, sqn: b"".join(conv.conv_501_A3(key[:16], key[16:], name, sqn)),
        ("RES*", "hres_star"): lambda key, rand: conv.conv_501_A5(rand, key),
        ("XRES*", "hxres_star"): lambda key, rand: conv.conv_501_A5(rand, key),
        ("K_AUSF", "k_seaf"): conv.conv_501_A6,
        ("K_SEAF", "k_amf"): conv.conv_501_A7,
        ("K_AMF", "k_gnb"): access(1),
        ("K_AMF", "nh"): conv.conv_501_A10,
        ("K_AMF", "k_asme_prime_idle"): counted(conv.conv_501_A141),
        ("K_AMF", "k_asme_prime_handover"): counted(conv.conv_501_A142),
        ("K_ASME", "k_amf_prime_idle"): counted(conv.conv_501_A151),
        ("K_ASME", "k_amf_prime_handover"): conv.conv_501_A152,
        ("K_gNB", "k_sn"): counted(conv.conv_501_A16),
        ("K_AUSF", "sor_mac_i_ausf"): sor,
        ("K_AMF", "k_asme_srvcc"): counted(conv.conv_501_A21),
        ("K_gNB", "k_iab"): conv.conv_501_A23,
        ("K_SN", "k_iab"): conv.conv_501_A23,
        # Refuses DIRECTION 0, of idle mode.
        ("K_AMF", "k_amf_prime"): lambda key, direction, count: (
            conv.conv_501_A13(key, number(direction), number(count)) if number(direction) else None
        ),
        # A.18 and A.20 code the length of a one-octet parameter as 2, A.19 the length of its data always as 2, and A.22
        # was written before its FC was known: nothing to compare.
    }
    for method in ["res_star", "xres_star"]:
        known["CK||IK", method] = lambda key, name, rand, res: conv.conv_501_A4(key[:16], key[16:], name, rand, res)
    known["K_AMF", "k_twif"] = lambda key: conv.conv_501_A9(key, 0, 2)
    known["S-K_gNB", "k_iab"] = conv.conv_501_A23
    for method in ["k_n3iwf", "k_tngf", "k_wagf"]:
        known["K_AMF", method] = access(2)
    for parent in ["K_gNB", "NH"]:
        known[parent, "k_ng_ran_star"] = cell(conv.conv_501_A11)
        known[parent, "k_ng_ran_star_ng_enb"] = cell(conv.conv_501_A12)
    for kind, method in enumerate(["k_nas_enc", "k_nas_int"], 1):
        known["K_AMF", method] = algorithm(kind)
    for kind, method in enumerate(["k_rrc_enc", "k_rrc_int", "k_up_enc", "k_up_int"], 3):
        known["K_gNB", method] = algorithm(kind)
        known["K_SN", method] = algorithm(kind)
    return known


def octets(argument):
    return bytes.fromhex(argument[2:]) if isinstance(argument, str) and argument.startswith("h:") else argument


def main():
    peers = {"libosmogsm": osmocom(), "CryptoMobile": cryptomobile()}
    peers = {name: functions for name, functions in peers.items() if functions}
    for line in sys.stdin:
        question = json.loads(line)
        arguments = [octets(argument) for argument in question["args"]]
        if question["fn"] == "peers":
            answer = sorted(peers)
        else:
            peer, parent, method, *rest = arguments
            function = peers[peer].get((parent, method))
            made = function(*rest) if function else None
            answer = made.hex() if made is not None else None
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
