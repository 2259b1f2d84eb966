import { readFileSync, type Stats, statSync } from 'node:fs'
import { readFile, stat } from 'node:fs/promises'
import { errorText } from '../../lib/error-text.ts'
import { steadyNowMs } from '../../lib/steady-clock.ts'
import { parseRecipients, type RecipientTable } from './recipients.ts'

/** Where recipients come from: fixed, or a file that may change. */
export interface RecipientSource {
  readonly table: RecipientTable
  readonly file: { readonly path: string; readonly version: string } | undefined
}

const LOOK_EVERY_MS = 1000
/** A file that changed so lately may change again without a sign of it: its times have steps. */
const RECENT_MS = 2000

/** @throws Error that says what is wrong, without any key. */
export function readRecipients(value: string): RecipientSource {
  const text = value.trim()
  if (text.startsWith('{')) return { table: parseRecipients(text), file: undefined }
  const version = versionOf(statSync(text))
  return { table: parseRecipients(readFileSync(text, 'utf8')), file: { path: text, version } }
}

/** The recipients as they are now. What is broken leaves those of before. */
export class Recipients {
  readonly #onBroken: (path: string, problem: string) => void
  readonly #path: string | undefined
  #table: RecipientTable
  #version = ''
  #lookedMs = Number.NEGATIVE_INFINITY
  #looking: Promise<void> | undefined

  /** `onBroken` is called each time that the file is found broken or missing. */
  constructor({ table, file }: RecipientSource, onBroken: (path: string, problem: string) => void) {
    this.#table = table
    this.#path = file?.path
    this.#version = file?.version ?? ''
    this.#onBroken = onBroken
  }

  /** Looks at the file at most once a second. */
  async current(): Promise<RecipientTable> {
    const path = this.#path
    if (path === undefined) return this.#table
    if (this.#looking === undefined && steadyNowMs() - this.#lookedMs >= LOOK_EVERY_MS) {
      this.#looking = this.#look(path).finally(() => {
        this.#lookedMs = steadyNowMs()
        this.#looking = undefined
      })
    }
    await this.#looking
    return this.#table
  }

  async #look(path: string): Promise<void> {
    try {
      const version = versionOf(await stat(path))
      if (version === this.#version) return
      this.#table = parseRecipients(await readFile(path, 'utf8'))
      this.#version = version
    } catch (error) {
      this.#version = ''
      this.#onBroken(path, errorText(error))
    }
  }
}

function versionOf({ mtimeMs, ctimeMs, size, ino }: Stats): string {
  // A version of its own each time: it is read again until nothing can have changed unseen.
  const now = Date.now()
  return now - Math.max(mtimeMs, ctimeMs) < RECENT_MS ? `as of ${now}` : `${mtimeMs} ${ctimeMs} ${size} ${ino}`
}
