import { base64Size } from './base64-size.ts'
import type { Payload } from './envelope.ts'
import type { JsonReader } from './exact-json-reader.ts'

/**
 * A Go type as encoding/json fills it. `read` is given what an earlier key of the same name left, for types that merge;
 * `null` never reaches it, for that clears the field whatever its type.
 */
export interface Kind<T> {
  read(json: JsonReader, before: T | undefined): T
}

type Fields = Readonly<Record<string, Kind<unknown>>>

/** What a struct of these fields holds; undefined is Go's nil. */
export type Struct<F extends Fields> = { [Name in keyof F]?: (F[Name] extends Kind<infer T> ? T : never) | undefined }

/** A struct: keys match without regard to case, unknown ones are passed over, and an object given twice merges. */
export function struct<F extends Fields>(fields: F): Kind<Struct<F>> {
  const byFolded = new Map(Object.entries(fields).map(([name, kind]) => [foldKey(name), { name: name as keyof F & string, kind }]))
  const byExact = new Map([...byFolded.values()].map((field) => [field.name as string, field]))

  return {
    read(json, before: Struct<F> = {}) {
      if (!json.isObject()) json.fail('an object')
      json.open()
      while (json.next()) {
        json.key()
        const key = shortKey(json)
        const field = byExact.get(key) ?? byFolded.get(foldKey(key))
        if (field === undefined) {
          json.skip()
          continue
        }
        json.field = field.name
        before[field.name] = (json.null() ? undefined : field.kind.read(json, before[field.name])) as Struct<F>[typeof field.name]
      }
      return before
    },
  }
}

/** Longer than any field's name with all its letters spelt as `\uXXXX`. */
const MAX_KEY_BYTES = 128

/** The latest token, a string; '' where that is longer than any name. */
export function shortKey(json: JsonReader): string {
  return json.tokenSize > MAX_KEY_BYTES ? '' : json.text()
}

/**
 * Makes keys equal that Go takes for equal: Unicode's simple folding, of which only the long s and the Kelvin sign reach
 * ASCII, where all names are. (`toLowerCase` does the Kelvin sign, too.)
 */
export function foldKey(key: string): string {
  return key.replaceAll('\u017f', 's').toLowerCase()
}

export const text: Kind<string> = {
  read(json) {
    json.string()
    return json.text()
  },
}

/** A string that no point uses: checked, not kept. */
export const unusedText: Kind<undefined> = {
  read(json) {
    json.string()
    return undefined
  },
}

/** A `[]byte`: base64, or (as Go has it) an array of numbers. */
export const payload: Kind<Payload> = {
  read(json) {
    if (json.isArray()) {
      const bytes = readBytes(json)
      return { size: bytes.length, bytes, isBase64: false }
    }
    json.string()
    const bytes = json.textBytes()
    const size = base64Size(bytes, 0, bytes.length)
    if (size < 0) json.fail('standard base64 before it')
    return { size, bytes, isBase64: true }
  },
}

function readBytes(json: JsonReader): Buffer {
  const bytes: number[] = []
  for (json.open(); json.next(); ) bytes.push(json.null() ? 0 : Number(readInteger(json, 0n, 255n)))
  return Buffer.from(bytes)
}

const MAX_INT64 = 2n ** 63n - 1n

export const int32: Kind<number> = { read: (json) => Number(readInteger(json, -(2n ** 31n), 2n ** 31n - 1n)) }
export const int64: Kind<bigint> = { read: (json) => readInteger(json, -MAX_INT64 - 1n, MAX_INT64) }
export const uint64: Kind<bigint> = { read: (json) => readInteger(json, 0n, 2n ** 64n - 1n) }

/** Digits and sign of the widest of them, -9223372036854775808 or 18446744073709551615. JSON has no leading zeros. */
const MAX_INTEGER_SIZE = 20

/** A whole number spelt as one: `1.0` and `1e3` are none to Go, nor is `-0` where no sign may be. */
function readInteger(json: JsonReader, least: bigint, most: bigint): bigint {
  const isWhole = json.number()
  if (!isWhole || json.tokenSize > MAX_INTEGER_SIZE) json.fail(`an integer from ${least} to ${most} before it`)
  const digits = json.ascii()
  const value = BigInt(digits)
  if (value < least || value > most || (least === 0n && digits === '-0')) json.fail(`an integer from ${least} to ${most} before it`)
  return value
}

/** A double; what is too large for one is refused, not made infinite. */
export const float64: Kind<number> = {
  read(json) {
    json.number()
    const value = Number(json.ascii())
    if (!Number.isFinite(value)) json.fail('a number in the range of a double before it')
    return value
  },
}

/** An enum: any 32-bit number, known or not, or one of the names exactly. */
export function enumeration(numbers: Readonly<Record<string, number | string>>): Kind<number> {
  const byName = new Map(Object.entries(numbers).map(([name, number]) => [name, Number(number)]))
  return {
    read(json, before) {
      if (!json.isString()) return int32.read(json, before)
      json.string()
      return byName.get(shortKey(json)) ?? json.fail('the name of a known value before it')
    },
  }
}

/** A `[]string` that no point uses. */
export const unusedTexts: Kind<undefined> = {
  read(json) {
    if (!json.isArray()) json.fail('an array')
    for (json.open(); json.next(); ) if (!json.null()) json.string()
    return undefined
  },
}

/** A `map[string]string` that no point uses. */
export const unusedTextMap: Kind<undefined> = {
  read(json) {
    if (!json.isObject()) json.fail('an object')
    json.open()
    while (json.next()) {
      json.key()
      if (!json.null()) json.string()
    }
    return undefined
  },
}
