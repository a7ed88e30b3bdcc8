//! The substitution of ZUC, bitsliced: all eight octets of a step at once, in constant time.
//!
//! The octets become eight planes, one for each bit of an octet; S0 (TS 35.222 3.4.1) and S1 are then circuits over
//! planes. S0 is three rounds of 4-bit boxes and a rotation. S1 is the inverse in GF(2^8) modulo x^8+x^7+x^3+x+1 under
//! an affine map, here computed in a tower of fields over GF(4), each with a normal basis.

/// A bit of each octet: the bit of octet `i` at position `i`. Positions above the eighth mean nothing.
type Plane = u64;

/// An element of GF(4), and of GF(16) over it, a nibble: a plane for each coordinate.
type Gf4 = [Plane; 2];
type Nibble = [Plane; 4];

/// The octets at odd places (bits 8 to 15, 24 to 31, …) through S0, those at even places through S1.
#[inline(always)]
pub(super) fn substitute(octets: u64) -> u64 {
    let bits = transpose(octets);
    let planes = core::array::from_fn(|bit| bits >> (8 * bit));
    let (odd, even) = (s0(planes), s1(planes));
    let mut joined = 0;
    for bit in 0..8 {
        joined |= (odd[bit] & 0xaa | even[bit] & 0x55) << (8 * bit);
    }
    transpose(joined)
}

/// Exchanges bit `i` of octet `j` with bit `j` of octet `i`.
#[inline(always)]
const fn transpose(mut bits: u64) -> u64 {
    let mut swap = (bits ^ (bits >> 7)) & 0x00aa_00aa_00aa_00aa;
    bits ^= swap ^ (swap << 7);
    swap = (bits ^ (bits >> 14)) & 0x0000_cccc_0000_cccc;
    bits ^= swap ^ (swap << 14);
    swap = (bits ^ (bits >> 28)) & 0x0000_0000_f0f0_f0f0;
    bits ^ swap ^ (swap << 28)
}

#[inline(always)]
fn s0(x: [Plane; 8]) -> [Plane; 8] {
    let [l0, l1, l2, l3, h0, h1, h2, h3] = x;
    let (low, high) = ([l0, l1, l2, l3], [h0, h1, h2, h3]);
    let first = add(p1(low), high);
    let second = add(p2(first), low);
    let third = add(p3(second), first);
    let ([s0, s1, s2, s3], [t0, t1, t2, t3]) = (second, third);
    // Rotated by five.
    [s3, t0, t1, t2, t3, s0, s1, s2]
}

#[inline(always)]
fn p1([a, b, c, d]: Nibble) -> Nibble {
    let (ac, bd) = (a & c, b & d);
    [
        !(b ^ d ^ bd ^ (c & d)),
        a ^ c ^ ac ^ (a & d),
        a ^ c ^ ac ^ (b & c),
        !(b ^ (a & b) ^ d ^ bd),
    ]
}

#[inline(always)]
fn p2([a, b, c, d]: Nibble) -> Nibble {
    let (ab, ad, bc, bd, cd) = (a & b, a & d, b & c, b & d, c & d);
    let shared = d ^ cd ^ bd;
    [
        a ^ c ^ bc ^ (ab & c) ^ ad ^ shared,
        b ^ ab ^ c ^ (a & c) ^ ad ^ shared ^ (bc & d),
        a ^ b ^ ab ^ c ^ bc ^ ad ^ (a & cd) ^ (bc & d),
        !(b ^ c ^ (ab & c) ^ ad ^ bd ^ (ab & d) ^ cd),
    ]
}

#[inline(always)]
fn p3([a, b, c, d]: Nibble) -> Nibble {
    let (ac, ad, bd) = (a & c, a & d, b & d);
    [ac ^ d ^ (c & d), !(c ^ (b & c) ^ bd), a ^ ad ^ bd, b ^ (a & b) ^ ac]
}

#[inline(always)]
fn s1(x: [Plane; 8]) -> [Plane; 8] {
    let [a, b] = into_tower(x);
    // The norm a·b + ν(a+b)² lies in GF(16); the inverse is the conjugate over the norm.
    let norm = add(multiply(a, b), square_and_scale(add(a, b)));
    let inverse = invert(norm);
    affine(multiply(inverse, b), multiply(inverse, a))
}

#[inline(always)]
fn add(a: Nibble, b: Nibble) -> Nibble {
    [a[0] ^ b[0], a[1] ^ b[1], a[2] ^ b[2], a[3] ^ b[3]]
}

#[inline(always)]
fn add4(a: Gf4, b: Gf4) -> Gf4 {
    [a[0] ^ b[0], a[1] ^ b[1]]
}

#[inline(always)]
fn multiply4(a: Gf4, b: Gf4) -> Gf4 {
    let cross = (a[0] ^ a[1]) & (b[0] ^ b[1]);
    [cross ^ (a[0] & b[0]), cross ^ (a[1] & b[1])]
}

/// Times the generator of GF(4).
#[inline(always)]
fn scale4(a: Gf4) -> Gf4 {
    [a[0] ^ a[1], a[0]]
}

#[inline(always)]
fn multiply(a: Nibble, b: Nibble) -> Nibble {
    let [[a1, a0], [b1, b0]] = [halves(a), halves(b)];
    let cross = scale4(multiply4(add4(a1, a0), add4(b1, b0)));
    join(add4(cross, multiply4(a1, b1)), add4(cross, multiply4(a0, b0)))
}

/// As in the tower above: the conjugate over the norm. In GF(4) an inverse is a square, and that is an exchange.
#[inline(always)]
fn invert(a: Nibble) -> Nibble {
    let [a1, a0] = halves(a);
    let [s1, s0] = add4(a1, a0);
    let [n1, n0] = add4(multiply4(a1, a0), scale4([s0, s1]));
    join(multiply4([n0, n1], a0), multiply4([n0, n1], a1))
}

/// ν·a², which is linear.
#[inline(always)]
fn square_and_scale([a, b, c, d]: Nibble) -> Nibble {
    [b ^ c ^ d, a ^ d, b, a]
}

#[inline(always)]
fn halves([a, b, c, d]: Nibble) -> [Gf4; 2] {
    [[a, b], [c, d]]
}

#[inline(always)]
fn join([a, b]: Gf4, [c, d]: Gf4) -> Nibble {
    [a, b, c, d]
}

/// From the polynomial basis of S1 to coordinates in the tower.
#[inline(always)]
fn into_tower(x: [Plane; 8]) -> [Nibble; 2] {
    let a = x[0] ^ x[4];
    let b = a ^ x[7];
    let c = x[0] ^ x[2] ^ x[5];
    let d = b ^ x[3];
    [
        [x[0], c ^ x[4], b ^ x[1], c ^ x[6]],
        [d ^ x[6], c ^ x[1], d ^ x[5], a ^ x[3] ^ x[1] ^ x[6]],
    ]
}

/// From the tower through the affine map of S1, whose constant is 0x55.
#[inline(always)]
fn affine(low: Nibble, high: Nibble) -> [Plane; 8] {
    let [[x0, x1, x2, x3], [x4, x5, x6, x7]] = [low, high];
    let a = x0 ^ x1;
    let b = x6 ^ x7;
    let c = a ^ x4;
    let d = x3 ^ x4;
    [
        !c,
        a ^ x2 ^ x5 ^ x7,
        !(x1 ^ x4 ^ x7),
        c ^ x2,
        !(x0 ^ b),
        a ^ b,
        !d,
        d ^ x5 ^ b,
    ]
}
