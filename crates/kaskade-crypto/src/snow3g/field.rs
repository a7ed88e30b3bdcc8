//! GF(2^8) without tables: elements lie across eight words, one word a bit, so that one pass serves all lanes.
//!
//! Both S-boxes of SNOW 3G are polynomials over GF(2^8), each over a field polynomial of its own. All fields of 256
//! elements are one field in different coordinates, and in the coordinates here, GF(((2^2)^2)^2), a product takes the
//! fewest gates: w² = w + 1, z² = z + w, y² = y + wz.

/// Eight planes: plane `i` has bit `i` of the element of every lane.
pub(crate) type Planes = [u32; 8];

/// A linear map of elements: row `i` says which bits add up to bit `i`.
pub(crate) type Linear = [u8; 8];

type Gf4 = [u32; 2];
type Gf16 = [u32; 4];

#[inline(always)]
const fn add2(a: Gf4, b: Gf4) -> Gf4 {
    [a[0] ^ b[0], a[1] ^ b[1]]
}

#[inline(always)]
const fn mul2(a: Gf4, b: Gf4) -> Gf4 {
    let low = a[0] & b[0];
    [low ^ (a[1] & b[1]), ((a[0] ^ a[1]) & (b[0] ^ b[1])) ^ low]
}

/// The square; also the inverse, with zero for zero.
#[inline(always)]
const fn square2(a: Gf4) -> Gf4 {
    [a[0] ^ a[1], a[1]]
}

/// The product with w.
#[inline(always)]
const fn w2(a: Gf4) -> Gf4 {
    [a[1], a[0] ^ a[1]]
}

#[inline(always)]
const fn halves4(a: Gf16) -> (Gf4, Gf4) {
    ([a[0], a[1]], [a[2], a[3]])
}

#[inline(always)]
const fn join4(low: Gf4, high: Gf4) -> Gf16 {
    [low[0], low[1], high[0], high[1]]
}

#[inline(always)]
const fn add4(a: Gf16, b: Gf16) -> Gf16 {
    [a[0] ^ b[0], a[1] ^ b[1], a[2] ^ b[2], a[3] ^ b[3]]
}

#[inline(always)]
const fn mul4(a: Gf16, b: Gf16) -> Gf16 {
    let ((a0, a1), (b0, b1)) = (halves4(a), halves4(b));
    let low = mul2(a0, b0);
    let mixed = mul2(add2(a0, a1), add2(b0, b1));
    join4(add2(low, w2(mul2(a1, b1))), add2(mixed, low))
}

#[inline(always)]
const fn square4(a: Gf16) -> Gf16 {
    let (a0, a1) = halves4(a);
    let high = square2(a1);
    join4(add2(square2(a0), w2(high)), high)
}

/// The product with wz.
#[inline(always)]
const fn wz4(a: Gf16) -> Gf16 {
    let (a0, a1) = halves4(a);
    let high = w2(a1);
    join4(w2(high), add2(high, w2(a0)))
}

/// The inverse, with zero for zero.
#[inline(always)]
const fn invert4(a: Gf16) -> Gf16 {
    let (a0, a1) = halves4(a);
    let sum = add2(a0, a1);
    let inverse_norm = square2(add2(mul2(a0, sum), w2(square2(a1))));
    join4(mul2(sum, inverse_norm), mul2(a1, inverse_norm))
}

#[inline(always)]
const fn halves(a: Planes) -> (Gf16, Gf16) {
    ([a[0], a[1], a[2], a[3]], [a[4], a[5], a[6], a[7]])
}

#[inline(always)]
const fn join(low: Gf16, high: Gf16) -> Planes {
    [low[0], low[1], low[2], low[3], high[0], high[1], high[2], high[3]]
}

/// The sum.
#[inline(always)]
pub(crate) const fn add(a: Planes, b: Planes) -> Planes {
    let ((a0, a1), (b0, b1)) = (halves(a), halves(b));
    join(add4(a0, b0), add4(a1, b1))
}

/// The product.
#[inline(always)]
pub(crate) const fn mul(a: Planes, b: Planes) -> Planes {
    let ((a0, a1), (b0, b1)) = (halves(a), halves(b));
    let low = mul4(a0, b0);
    let mixed = mul4(add4(a0, a1), add4(b0, b1));
    join(add4(low, wz4(mul4(a1, b1))), add4(mixed, low))
}

/// The square.
#[inline(always)]
pub(crate) const fn square(a: Planes) -> Planes {
    let (a0, a1) = halves(a);
    let high = square4(a1);
    join(add4(square4(a0), wz4(high)), high)
}

/// The inverse, with zero for zero.
#[inline(always)]
pub(crate) const fn invert(a: Planes) -> Planes {
    let (a0, a1) = halves(a);
    let sum = add4(a0, a1);
    let inverse_norm = invert4(add4(mul4(a0, sum), wz4(square4(a1))));
    join(mul4(sum, inverse_norm), mul4(a1, inverse_norm))
}

/// The element 1 in every lane.
pub(crate) const ONE: Planes = [u32::MAX, 0, 0, 0, 0, 0, 0, 0];

/// Applies a linear map. With a constant map nothing but the additions is left.
#[inline(always)]
pub(crate) fn apply(map: &Linear, a: Planes) -> Planes {
    map.map(|row| (0..8).fold(0, |sum, bit| if row >> bit & 1 == 1 { sum ^ a[bit] } else { sum }))
}

/// From the coordinates over a field polynomial (its lowest eight bits; x^8 is understood) to those here.
pub(crate) const fn from_polynomial(polynomial: u8) -> Linear {
    // The images of 1, x, x², … are the powers of a root of the polynomial.
    let mut root = 2;
    loop {
        let mut powers = [1; 9];
        let mut i = 1;
        while i < 9 {
            powers[i] = mul_one(powers[i - 1], root);
            i += 1;
        }
        let mut value = powers[8];
        let mut bit = 0;
        while bit < 8 {
            if polynomial >> bit & 1 == 1 {
                value ^= powers[bit];
            }
            bit += 1;
        }
        if value == 0 {
            return transposed([
                powers[0], powers[1], powers[2], powers[3], powers[4], powers[5], powers[6], powers[7],
            ]);
        }
        root += 1;
    }
}

/// The map that undoes `map`.
pub(crate) const fn inverse(map: Linear) -> Linear {
    let mut columns = [0; 8];
    let mut element = u8::MAX;
    while element > 0 {
        let image = apply_one(map, element);
        if image.is_power_of_two() {
            columns[image.trailing_zeros() as usize] = element;
        }
        element -= 1;
    }
    transposed(columns)
}

/// First `inner`, then `outer`.
pub(crate) const fn composed(outer: Linear, inner: Linear) -> Linear {
    let inner_columns = transposed(inner);
    let mut columns = [0; 8];
    let mut i = 0;
    while i < 8 {
        columns[i] = apply_one(outer, inner_columns[i]);
        i += 1;
    }
    transposed(columns)
}

/// Rows to columns and back.
pub(crate) const fn transposed(rows: Linear) -> Linear {
    let mut columns = [0; 8];
    let mut i = 0;
    while i < 64 {
        columns[i % 8] |= (rows[i / 8] >> (i % 8) & 1) << (i / 8);
        i += 1;
    }
    columns
}

/// [`apply`] to one element.
pub(crate) const fn apply_one(map: Linear, element: u8) -> u8 {
    let (mut result, mut bit) = (0, 0);
    while bit < 8 {
        if (map[bit] & element).count_ones() % 2 == 1 {
            result |= 1 << bit;
        }
        bit += 1;
    }
    result
}

/// [`mul`] of one element.
const fn mul_one(a: u8, b: u8) -> u8 {
    first_lane(mul(one_lane(a), one_lane(b)))
}

/// The element of the first lane.
pub(crate) const fn first_lane(planes: Planes) -> u8 {
    let (mut element, mut bit) = (0, 0);
    while bit < 8 {
        element |= ((planes[bit] & 1) as u8) << bit;
        bit += 1;
    }
    element
}

/// An element in the first lane.
pub(crate) const fn one_lane(element: u8) -> Planes {
    let (mut planes, mut bit) = ([0; 8], 0);
    while bit < 8 {
        planes[bit] = (element >> bit & 1) as u32;
        bit += 1;
    }
    planes
}
