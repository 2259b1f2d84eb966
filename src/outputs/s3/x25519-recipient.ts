import { createPublicKey, diffieHellman, generateKeyPairSync } from 'node:crypto'

const DIGITS = 'qpzry9x8gf2tvdw0s3jn54khce6mua7l'
const PREFIX = 'age'
/** 32 bytes in digits of five bits. */
const DATA_DIGITS = 52
const CHECKSUM_DIGITS = 6
const GENERATOR = [0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3] as const

const { privateKey } = generateKeyPairSync('x25519')

/**
 * Whether a text is a public key of age for X25519: `age1…` in Bech32 (BIP 173) of the 32 bytes of a point that something can be encrypted to. Others
 * (post-quantum, of a plugin) age 1.1 cannot read.
 */
export function isX25519Recipient(text: string): boolean {
  if (text.length !== PREFIX.length + 1 + DATA_DIGITS + CHECKSUM_DIGITS || !text.startsWith(`${PREFIX}1`)) return false
  const digits = Array.from(text.slice(PREFIX.length + 1), (digit) => DIGITS.indexOf(digit))
  if (digits.includes(-1) || checksum([...prefixDigits(), ...digits]) !== 1) return false
  const point = bytesOf(digits.slice(0, DATA_DIGITS))
  return point !== undefined && isUsable(point)
}

function prefixDigits(): number[] {
  const codes = Array.from(PREFIX, (character) => character.charCodeAt(0))
  return [...codes.map((code) => code >> 5), 0, ...codes.map((code) => code & 31)]
}

function checksum(digits: readonly number[]): number {
  let sum = 1
  for (const digit of digits) {
    const top = sum >>> 25
    sum = ((sum & 0x1ffffff) << 5) ^ digit
    for (const [bit, term] of GENERATOR.entries()) if ((top >> bit) & 1) sum ^= term
  }
  return sum >>> 0
}

/** Undefined where the bits that fill the last digit are not 0. */
function bytesOf(digits: readonly number[]): Buffer | undefined {
  const bytes: number[] = []
  let value = 0
  let bits = 0
  for (const digit of digits) {
    value = ((value << 5) | digit) & 0xfff
    bits += 5
    if (bits < 8) continue
    bits -= 8
    bytes.push((value >> bits) & 0xff)
  }
  return (value & ((1 << bits) - 1)) === 0 ? Buffer.from(bytes) : undefined
}

/** With some points every key would agree on the same secret. */
function isUsable(point: Buffer): boolean {
  try {
    const jwk = { kty: 'OKP', crv: 'X25519', x: point.toString('base64url') }
    diffieHellman({ privateKey, publicKey: createPublicKey({ key: jwk, format: 'jwk' }) })
    return true
  } catch {
    return false
  }
}
