"""Names, root keys and whole ERP packets below the EMSK of RFC 9048 case 1 (RFC 5295, RFC 6696).

Knows nothing of the program under test. Prints vectors/emsk.json; only Python's own hmac and hashlib are needed.

  python3 interop/oracle/emsk.py > vectors/emsk.json
"""
import hashlib
import hmac
import json

EMSK = bytes.fromhex(
    "f861703cd775590e16c7679ea3874ada866311de290764d760cf76df647ea01c"
    "313f69924bdd7650ca9bac141ea075c4ef9e8029c0e290cdbad5638b63bc23fb"
)
SESSION = bytes.fromhex("3281e92b6c0ee0e12ebceba8d92a99dfa5bb52e91c747ac3ab2a5c23d15ee351d5")
OF_5G_AKA = b"\0" + SESSION[1:]
TAGS = {1: 8, 2: 16, 3: 32}


def be(value, octets):
    return value.to_bytes(octets, "big")


def kdf(key, label, data, length):
    s, output, last, number = label + b"\0" + data + be(length, 2), b"", b"", 0
    while len(output) < length:
        number += 1
        last = hmac.new(key, last + s + bytes([number]), hashlib.sha256).digest()
        output += last
    return output[:length]


def case(name, function, source, **fields):
    shown = {key: value.hex() if isinstance(value, bytes) else value for key, value in fields.items()}
    return {"name": name, "function": function, "from": f"computed from {source}", **shown, "verified": True}


def named(name, key, label, data=b"", source="RFC 5295 3.2"):
    return case(name, "name", source, key=key, label=label, data=data, output=kdf(key, label, data, 8))


def child(name, parent, method, key, label, data, source):
    return case(name, "key", source, parent=parent, method=method, key=key, label=label, data=data, output=kdf(key, label, data, 64))


def packet(name, code, r_ik, r_rk, *, flags=0, seq=0, suite=2, items=b"", identifier=1, realm=b"example.org", authorization=None):
    nai = NAME.hex().encode() + b"@" + realm
    body = bytes([2, flags]) + be(seq, 2) + bytes([1, len(nai)]) + nai + items
    tag_octets = TAGS[suite]
    zero = b"\6" + bytes([tag_octets]) + bytes(tag_octets)
    whole = 4 + len(body) + (len(zero) if authorization else 0) + 1 + tag_octets
    head = bytes([code, identifier]) + be(whole, 2)
    if authorization:
        indication = hmac.new(authorization, head + body + zero + bytes([suite]), hashlib.sha256).digest()[:tag_octets]
        body += zero[:2] + indication
    signed = head + body + bytes([suite])
    tag = hmac.new(r_ik, signed, hashlib.sha256).digest()[:tag_octets]
    fields = {"r_rk": r_rk, "seq": be(seq, 2), "suite": bytes([suite]), "flags": bytes([flags]), "packet": signed + tag}
    if authorization:
        fields["authorization_key"] = authorization
    return case(name, "packet", "RFC 6696 5.3", **fields)


NAME = kdf(SESSION, b"EMSK", b"", 8)
LABEL = b"usage@example.org"
R_RK = kdf(EMSK, b"EAP Re-authentication Root Key@ietf.org", b"", 64)
DSRK = kdf(EMSK, b"dsrk@ietf.org", b"example.org", 64)
DS_R_RK = kdf(DSRK, b"EAP Re-authentication Root Key@ietf.org", b"", 64)
AUTHORIZATION = kdf(EMSK, b"DSRK Delivery Authorized Key@ietf.org", b"example.org", 64)
SLICE = b"\1\2\4\1\0\0\xd1" + be(4, 2) + b"chat"


def r_ik(suite, root=R_RK):
    return kdf(root, b"Re-authentication Integrity Key@ietf.org", bytes([suite]), 64)


def cases():
    yield named("EMSKname", SESSION, b"EMSK")
    yield named("EMSKname of 5G AKA (project profile)", OF_5G_AKA, b"EMSK")
    yield named("USRKname", SESSION, LABEL)
    yield named("USRKname with data", SESSION, LABEL, SLICE)
    yield named("USRKname with 2048 octets of data", SESSION, LABEL, b"\xa5" * 2048)
    yield named("DSUSRKname", NAME, LABEL, source="RFC 5295 4")
    yield named("DSUSRKname with data", NAME, LABEL, SLICE, source="RFC 5295 4")
    yield child("USRK", "EMSK", "usrk", EMSK, LABEL, b"", "RFC 5295 3.1")
    yield child("DSUSRK", "DSRK", "dsusrk", DSRK, LABEL, b"", "RFC 5295 4")
    yield child("DSRK", "EMSK", "dsrk", EMSK, b"dsrk@ietf.org", b"example.org", "RFC 5295 4")
    yield child("rRK", "EMSK", "r_rk", EMSK, b"EAP Re-authentication Root Key@ietf.org", b"", "RFC 6696 4.1")
    yield child("DS-rRK", "DSRK", "r_rk", DSRK, b"EAP Re-authentication Root Key@ietf.org", b"", "RFC 6696 4.1")
    for suite in TAGS:
        label = b"Re-authentication Integrity Key@ietf.org"
        yield child(f"rIK of suite {suite}", "rRK", "r_ik", R_RK, label, bytes([suite]), "RFC 6696 4.3")
    for seq in [0, 1, 65535]:
        label = b"Re-authentication Master Session Key@ietf.org"
        yield child(f"rMSK of SEQ {seq}", "rRK", "r_msk", R_RK, label, be(seq, 2), "RFC 6696 4.6")
    yield packet("Initiate/Re-auth", 5, r_ik(2), R_RK, flags=0x20)
    yield packet("Finish/Re-auth", 6, r_ik(2), R_RK)
    for suite in TAGS:
        yield packet(f"Initiate/Re-auth of suite {suite}", 5, r_ik(suite), R_RK, seq=7, suite=suite, identifier=9)
    lifetimes = b"\2" + be(3600, 4) + b"\3" + be(600, 4)
    yield packet("Finish/Re-auth with lifetimes", 6, r_ik(2), R_RK, flags=0x20, seq=7, items=lifetimes)
    yield packet("Finish/Re-auth that names suites", 6, r_ik(2), R_RK, flags=0x80, seq=1, items=b"\5\2\2\3")
    yield packet("Initiate/Re-auth that bootstraps", 5, r_ik(2), R_RK, flags=0x40, seq=2)
    domain = b"\4\x0bexample.org"
    yield packet("Finish/Re-auth that bootstraps", 6, r_ik(2), R_RK, flags=0x40, seq=2, items=domain, authorization=AUTHORIZATION)
    yield packet("Initiate/Re-auth to a local server", 5, r_ik(2, DS_R_RK), DS_R_RK, flags=0x20)
    called = b"\x80\x11" + b"02-00-00-00-00-01"
    yield packet("Initiate/Re-auth with channel binding", 5, r_ik(2), R_RK, seq=3, items=called)


print(json.dumps({
    "source": "interop/oracle/emsk.py: computed by a script that shares nothing with the program",
    "notes": "Below the EMSK of RFC 9048 case 1, domain and realm example.org. label and data are octets; r_rk is the rRK of a packet.",
    "cases": list(cases()),
}, indent=1))
