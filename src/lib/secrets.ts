/** Shorter ones are left alone: they would be found inside ordinary words. */
const SHORTEST_SECRET = 6
/** A beginning or an end of a secret that is this long is a piece of it, wherever it stands; fewer characters may be a word of their own. */
const PIECE = 12
/** Where a text was cut, so many characters are a piece. */
const PIECE_AT_CUT = 4
/** Tokens that were received: those before are no longer good. */
const RECEIVED_KEPT = 8

const MASK = '***'

/** A login in a URL; a JSON Web Token, also the beginning of one; what stands behind the scheme of an Authorization header. */
const CREDENTIALS: readonly (readonly [RegExp, string])[] = [
  [/\/\/[^\s/"']*@/g, `//${MASK}@`],
  [/\beyJ[\w-]{5,}(\.[\w-]*){0,2}/g, MASK],
  [/\b(Basic|Bearer|Token) +[\w~+/.=-]{6,}/gi, `$1 ${MASK}`],
]

/**
 * Every secret that the process holds, given by configuration or received from a server, so that none of them is ever seen: a text is
 * to be passed through {@link redact} where it leaves the program, for servers and libraries put into their messages what they were
 * sent. A secret is found in each spelling that it is sent or quoted in: plain, JSON-escaped (twice, too), URL-encoded, in a form, as
 * HTML, and in base64 of whatever stands before it; and in pieces, since answers are cut.
 */
export class Secrets {
  readonly #given: readonly Spelling[]
  readonly #received: { readonly token: string; readonly spellings: readonly Spelling[] }[] = []

  constructor(given: readonly string[] = []) {
    this.#given = spellingsOf(given)
  }

  /** A token that a server has given out. */
  receive(token: string): void {
    if (this.#received.some((known) => known.token === token)) return
    this.#received.push({ token, spellings: spellingsOf([token]) })
    if (this.#received.length > RECEIVED_KEPT) this.#received.shift()
  }

  readonly redact = (text: string): string => {
    let clean = text
    for (const { text: secret, isBase64 } of this.#spellings()) clean = masked(clean, isBase64, wholeIn(secret))
    for (const { text: secret, isBase64 } of this.#spellings()) {
      if (secret.length > PIECE) clean = masked(masked(clean, isBase64, beginningIn(secret)), isBase64, endIn(secret))
    }
    // What only looks like one comes last: half of a secret that is known would no longer be found.
    for (const [pattern, mask] of CREDENTIALS) clean = clean.replace(pattern, mask)
    return clean
  }

  /** What a server has answered, in one line of at most `length` characters. It may have been cut, by the server too, in the middle of a secret. */
  excerpt(answer: string, length: number): string {
    const line = this.redact(this.#withoutCutSecret(answer.trim())).replace(/\s+/g, ' ').trim()
    return line.length > length ? `${line.slice(0, length)}…` : line
  }

  #withoutCutSecret(text: string): string {
    let end = text.length
    let start = 0
    for (const { text: secret } of this.#spellings()) {
      if (text.length >= PIECE_AT_CUT && secret.includes(text)) return MASK
      end = Math.min(end, text.length - overlap(text, secret))
      start = Math.max(start, overlap(secret, text))
    }
    if (end <= start) return text === '' ? text : MASK
    return `${start > 0 ? MASK : ''}${text.slice(start, end)}${end < text.length ? MASK : ''}`
  }

  *#spellings(): Iterable<Spelling> {
    yield* this.#given
    for (const { spellings } of this.#received) yield* spellings
  }
}

interface Spelling {
  readonly text: string
  /** Other characters of base64 around it belong to what it was encoded with. */
  readonly isBase64: boolean
}

/** The longest first: where one secret holds another, nothing of it may remain. */
function spellingsOf(secrets: readonly string[]): Spelling[] {
  const long = secrets.filter(({ length }) => length >= SHORTEST_SECRET)
  const plain = [...new Set(long.flatMap(plainly))].map((text) => ({ text, isBase64: false }))
  const encoded = [...new Set(long.flatMap(inBase64))].map((text) => ({ text, isBase64: true }))
  return [...plain, ...encoded].sort((a, b) => b.text.length - a.text.length)
}

function plainly(secret: string): string[] {
  const json = JSON.stringify(secret).slice(1, -1)
  const html = secret.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;').replace(/"/g, '&quot;').replace(/'/g, '&#39;')
  const form = new URLSearchParams({ s: secret }).toString().slice(2)
  return [secret, json, JSON.stringify(json).slice(1, -1), encodeURIComponent(secret), form, html]
}

/** In base64 what a secret becomes depends on how many bytes stand before it, modulo 3: the characters that are its own alone. */
function inBase64(secret: string): string[] {
  return [0, 1, 2].flatMap((before) => {
    const bytes = Buffer.concat([Buffer.alloc(before), Buffer.from(secret)])
    const own = bytes.toString('base64').slice(before === 0 ? 0 : before + 1, Math.floor((bytes.length * 8) / 6))
    return own.length < SHORTEST_SECRET ? [] : [own, own.replaceAll('+', '-').replaceAll('/', '_')]
  })
}

/** Where it is found in a text from a place on: from where to before where; undefined where it is not. */
type Find = (text: string, from: number) => readonly [number, number] | undefined

function wholeIn(secret: string): Find {
  return (text, from) => {
    const at = text.indexOf(secret, from)
    return at < 0 ? undefined : [at, at + secret.length]
  }
}

/** As much of it as is there. */
function beginningIn(secret: string): Find {
  const beginning = secret.slice(0, PIECE)
  return (text, from) => {
    const at = text.indexOf(beginning, from)
    if (at < 0) return undefined
    let length = PIECE
    while (length < secret.length && text[at + length] === secret[length]) length++
    return [at, at + length]
  }
}

function endIn(secret: string): Find {
  const end = secret.slice(-PIECE)
  return (text, from) => {
    const at = text.indexOf(end, from)
    if (at < 0) return undefined
    let length = PIECE
    while (length < secret.length && at + PIECE > length && text[at + PIECE - length - 1] === secret.at(-length - 1)) length++
    return [at + PIECE - length, at + PIECE]
  }
}

function masked(text: string, isBase64: boolean, find: Find): string {
  let clean = text
  for (let found = find(clean, 0); found !== undefined; ) {
    const [start, end] = isBase64 ? widened(clean, ...found) : found
    clean = clean.slice(0, start) + MASK + clean.slice(end)
    found = find(clean, start + MASK.length)
  }
  return clean
}

const BASE64 = /[\w+/=-]/

function widened(text: string, start: number, end: number): [number, number] {
  let [from, to] = [start, end]
  while (from > 0 && BASE64.test(text[from - 1] as string)) from--
  while (to < text.length && BASE64.test(text[to] as string)) to++
  return [from, to]
}

/** How many characters at the end of `text` are the beginning of `next`; 0 where they are too few to be a piece. */
function overlap(text: string, next: string): number {
  for (let length = Math.min(text.length, next.length); length >= PIECE_AT_CUT; length--) {
    if (text.endsWith(next.slice(0, length))) return length
  }
  return 0
}
