import type { Tenant } from './tenant.ts'
import { isX25519Recipient } from './x25519-recipient.ts'

/** Stands for every tenant that is not named. */
const ALL_OTHERS = '*'

/** Whom each tenant's objects are encrypted to. */
export class RecipientTable {
  readonly #byPath: ReadonlyMap<string, readonly string[]>

  constructor(byPath: ReadonlyMap<string, readonly string[]>) {
    this.#byPath = byPath
  }

  /** Tenants that are named. */
  get tenants(): number {
    return this.#byPath.size - (this.hasDefault ? 1 : 0)
  }

  /** Whether there are recipients for tenants that are not named. */
  get hasDefault(): boolean {
    return this.#byPath.has(ALL_OTHERS)
  }

  /** Empty where it has none: then nothing of it may be written. */
  of({ names }: Pick<Tenant, 'names'>): readonly string[] {
    const named = names.find((name) => this.#byPath.has(name)) ?? ALL_OTHERS
    return this.#byPath.get(named) ?? []
  }
}

/** @throws Error that says what is wrong with it, without any key. */
export function parseRecipients(json: string): RecipientTable {
  let parsed: unknown
  try {
    parsed = JSON.parse(json)
  } catch {
    // The parser's own words quote what it has read.
    throw new Error('it is not JSON')
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) throw new Error('it is not a JSON object')
  const byPath = new Map<string, readonly string[]>()
  for (const [path, list] of Object.entries(parsed)) {
    if (!Array.isArray(list)) throw new Error(`${JSON.stringify(path)} has no list of recipients`)
    byPath.set(path, recipientsIn(list, JSON.stringify(path)))
  }
  return new RecipientTable(byPath)
}

/** Of a list with commas between. Throws as {@link parseRecipients} does. */
export function parseAuditors(text: string): readonly string[] {
  return recipientsIn(
    text.split(',').map((recipient) => recipient.trim()),
    'the list',
  )
}

function recipientsIn(list: readonly unknown[], where: string): readonly string[] {
  return list.map((recipient, index) => {
    if (typeof recipient === 'string' && /^AGE-SECRET-KEY-/i.test(recipient))
      throw new Error(`entry ${index + 1} of ${where} is a secret key: replace it, and take the public one (age-keygen -y)`)
    if (typeof recipient !== 'string' || !isX25519Recipient(recipient))
      throw new Error(`entry ${index + 1} of ${where} is no recipient of age (age1 and 58 characters, as age-keygen prints it)`)
    return recipient
  })
}
