import { base64Size } from '../base64-size.ts'
import type { Payload } from '../envelope.ts'
import { int32, type Kind, type Struct, shortKey } from '../exact-json-kinds.ts'
import type { JsonReader } from '../exact-json-reader.ts'

type Fields = Readonly<Record<string, Kind<unknown>>>

/**
 * A message as protobuf's JSON mapping has it: keys are the names of the .proto, or those in lowerCamelCase; unknown ones are passed over, `null` is absent, and of
 * equal ones the last counts.
 */
export function message<F extends Fields>(fields: F): Kind<Struct<F>> {
  const byKey = new Map(
    Object.entries(fields).flatMap(([name, kind]) => [name, camelCase(name)].map((key) => [key, { name, kind }] as const)),
  )
  return {
    read(json) {
      const read: Record<string, unknown> = {}
      if (!json.isObject()) json.fail('an object')
      json.open()
      while (json.next()) {
        json.key()
        const field = byKey.get(shortKey(json))
        if (field === undefined) json.skip()
        else {
          json.field = field.name
          read[field.name] = json.null() ? undefined : field.kind.read(json, undefined)
        }
      }
      return read as Struct<F>
    },
  }
}

export function camelCase(name: string): string {
  return name.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase())
}

export function map<T>(kind: Kind<T>): Kind<ReadonlyMap<string, T>> {
  return {
    read(json) {
      const read = new Map<string, T>()
      if (!json.isObject()) json.fail('an object')
      json.open()
      while (json.next()) {
        json.key()
        const key = json.text()
        if (json.null()) read.delete(key)
        else read.set(key, kind.read(json, undefined))
      }
      return read
    },
  }
}

/** A number, or a string of one. Longer ones have more digits than mean anything. */
const MAX_NUMBER_SIZE = 400
const JSON_NUMBER = /^(-?)(0|[1-9]\d*)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/

function numberText(json: JsonReader): string {
  if (json.isString()) json.string()
  else json.number()
  return json.tokenSize > MAX_NUMBER_SIZE ? '' : json.text()
}

/** 64 bits: a number or a string, and `1e3` and `1.0` are whole, too. */
export const int64: Kind<bigint> = wholeNumber(-(2n ** 63n), 2n ** 63n - 1n)
export const uint64: Kind<bigint> = wholeNumber(0n, 2n ** 64n - 1n)

function wholeNumber(least: bigint, most: bigint): Kind<bigint> {
  return {
    read(json) {
      const value = whole(numberText(json))
      if (value === undefined || value < least || value > most) return json.fail(`an integer from ${least} to ${most} before it`)
      return value
    },
  }
}

function whole(text: string): bigint | undefined {
  const [, sign, digits = '', fraction = '', exponent = '0'] = JSON_NUMBER.exec(text) ?? []
  if (sign === undefined) return undefined
  const all = digits + fraction
  const scale = Number(exponent) - fraction.length
  if (/^0+$/.test(all)) return 0n
  // Beyond 64 bits either way.
  if (Math.abs(scale) > MAX_NUMBER_SIZE) return undefined
  const cut = scale < 0 ? all.slice(0, scale) || '0' : all + '0'.repeat(scale)
  if (scale < 0 && !/^0*$/.test(all.slice(scale))) return undefined
  return BigInt(sign + cut)
}

const NOT_FINITE = new Map([
  ['NaN', Number.NaN],
  ['Infinity', Number.POSITIVE_INFINITY],
  ['-Infinity', Number.NEGATIVE_INFINITY],
])

/** A number, a string of one, or one of the three names; what is too large for a double is refused. */
export const double: Kind<number> = {
  read(json) {
    const isText = json.isString()
    const text = numberText(json)
    const named = isText ? NOT_FINITE.get(text) : undefined
    if (named !== undefined) return named
    const value = JSON_NUMBER.test(text) ? Number(text) : Number.NaN
    if (!Number.isFinite(value)) json.fail('a number in the range of a double, NaN, Infinity or -Infinity before it')
    return value
  },
}

/** Bytes in base64, of the standard alphabet or the one for URLs, with padding or without. */
export const bytes: Kind<Payload> = {
  read(json) {
    json.string()
    const given = json.textBytes()
    const size = base64Size(given, 0, given.length)
    if (size >= 0) return { size, bytes: given, isBase64: true }
    const plain = given
      .toString('latin1')
      .replaceAll('-', '+')
      .replaceAll('_', '/')
      .replaceAll(/[\r\n]/g, '')
    const padded = Buffer.from(plain + '='.repeat(-plain.length & 3))
    const paddedSize = plain.endsWith('=') ? base64Size(Buffer.from(plain), 0, plain.length) : base64Size(padded, 0, padded.length)
    if (paddedSize < 0) json.fail('base64 before it')
    return { size: paddedSize, bytes: padded, isBase64: true }
  },
}

/** The type of a log: a name, or any number. */
export const logType: Kind<number> = {
  read(json, before) {
    if (!json.isString()) return int32.read(json, before)
    json.string()
    const type = ['OUT', 'ERR'].indexOf(shortKey(json))
    return type >= 0 ? type : json.fail('OUT or ERR before it')
  },
}
