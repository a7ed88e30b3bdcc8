"""A UE by aiocoap: sets a context of OSCORE up with K_AF (project profile AKMA-OSCORE-P1) and asks under it.

    ue.py coap://ADDRESS:PORT A-KID PROTOCOL K_AF [PATH...]

PROTOCOL and K_AF are hexadecimal digits. Prints, for each path, the code of the answer and its text. CBOR, HKDF and OSCORE are those of
aiocoap, cbor2 and cryptography: nothing here is Kaskade's.
"""

import asyncio
import gc
import json
import os
import secrets
import sys
import tempfile

import aiocoap
import cbor2
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF


def master_secret(k_af):
    return HKDF(SHA256(), 16, None, b"AKMA-OSCORE").derive(k_af)


async def set_up(context, root, a_kid, protocol, k_af, folder):
    af_sid = secrets.token_bytes(2)
    payload = cbor2.dumps([protocol, a_kid, secrets.token_bytes(8), af_sid])
    request = aiocoap.Message(code=aiocoap.POST, uri=f"{root}/akma", payload=payload)
    answer = await context.request(request).response
    if answer.code != aiocoap.CREATED:
        return f"{answer.code.dotted} {answer.payload.decode()}"
    n2, ue_sid = cbor2.loads(answer.payload)
    assert len(n2) == 8 and ue_sid != af_sid
    settings = {
        "sender-id_hex": ue_sid.hex(),
        "recipient-id_hex": af_sid.hex(),
        "secret_hex": master_secret(k_af).hex(),
        "salt_hex": (payload + answer.payload).hex(),
    }
    with open(os.path.join(folder, "settings.json"), "w") as file:
        json.dump(settings, file)
    context.client_credentials.load_from_dict({f"{root}/*": {"oscore": {"basedir": folder}}})
    return None


async def main(folder, root, a_kid, protocol, k_af, *paths):
    context = await aiocoap.Context.create_client_context()
    try:
        refused = await set_up(context, root, a_kid, bytes.fromhex(protocol), bytes.fromhex(k_af), folder)
        if refused is not None:
            print(refused)
            return
        for path in paths:
            request = aiocoap.Message(code=aiocoap.GET, uri=f"{root}{path}")
            try:
                answer = await context.request(request).response
                print(answer.code.dotted, answer.payload.decode())
            except aiocoap.error.Error as error:
                print(type(error).__name__)
    finally:
        await context.shutdown()


if __name__ == "__main__":
    # The context writes into the folder when it goes.
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(asyncio.wait_for(main(folder, *sys.argv[1:]), 30))
        gc.collect()
