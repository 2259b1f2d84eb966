import type { ListedRow } from '../../flow/shown.ts'
import type { ListingAnswer } from '../listings.ts'
import { eachChild, make, setText } from './dom.ts'
import { count } from './format.ts'
import { formed } from './forms.ts'
import { urlOf } from './poll.ts'

const TIMEOUT_MS = 4000

/** The tables of what inputs have many of. What a column shows stands in the page's HTML; each table asks for its rows itself. */
export class Listings {
  readonly #listings: readonly ListingTable[]

  constructor() {
    this.#listings = [...document.querySelectorAll<HTMLElement>('[data-listing]')].map((section) => new ListingTable(section))
  }

  /** Has all of them ask again. `instance` is the one that is shown, `now` its time. */
  refresh(instance: number, now: string): void {
    for (const listing of this.#listings) listing.refresh(instance, now)
  }
}

class ListingTable {
  readonly #name: string
  readonly #limit: number
  readonly #empty: string
  readonly #columns: readonly HTMLTableCellElement[]
  readonly #body: HTMLElement
  readonly #count: HTMLElement
  readonly #filterLine: HTMLElement
  readonly #filter: HTMLInputElement
  #instance = 0
  #now = ''
  #isAsking = false
  #isChanged = false

  constructor(section: HTMLElement) {
    const { listing = '', rows = '', empty = '' } = section.dataset
    const find = <Found extends Element>(selector: string) => section.querySelector(selector) as Found
    this.#name = listing
    this.#limit = Number(rows)
    this.#empty = empty
    this.#columns = [...section.querySelectorAll<HTMLTableCellElement>('thead th')]
    this.#body = find('tbody')
    this.#count = find('.count')
    this.#filterLine = find('.filter-line')
    this.#filter = find('input')
    this.#filter.addEventListener('input', () => {
      this.#isChanged = true
      void this.#ask()
    })
  }

  refresh(instance: number, now: string): void {
    this.#instance = instance
    this.#now = now
    void this.#ask()
  }

  /** One request at a time. Where none is answered, the rows of before stay: the verdict says what is wrong. */
  async #ask(): Promise<void> {
    if (this.#isAsking) return
    this.#isAsking = true
    do {
      this.#isChanged = false
      const query = new URLSearchParams({ limit: String(this.#limit), filter: this.#filterLine.hidden ? '' : this.#filter.value })
      try {
        const response = await fetch(urlOf(`stats/${this.#name}?${query}`), { cache: 'no-store', signal: AbortSignal.timeout(TIMEOUT_MS) })
        if (response.ok) this.#show((await response.json()) as ListingAnswer)
      } catch {
        // Asked again with the next figures.
      }
    } while (this.#isChanged)
    this.#isAsking = false
  }

  #show({ instance_index, total, matching, rows }: ListingAnswer): void {
    // Behind one address there may be several that answer in turns.
    if (instance_index !== this.#instance) return
    this.#filterLine.hidden = total <= this.#limit
    const shown = rows.length < matching ? `The first ${rows.length} of ${count(matching)}.` : `${count(matching)} in all.`
    setText(this.#count, total === 0 ? this.#empty : shown)
    eachChild(
      this.#body,
      rows,
      () => this.#row(),
      (row, listed) => this.#fill(row, listed),
    )
  }

  #row(): HTMLTableRowElement {
    const row = make('tr')
    row.append(
      ...this.#columns.map(({ className, dataset }, index) => {
        const cell = make(index === 0 ? 'th' : 'td', className)
        if (index === 0) cell.scope = 'row'
        cell.dataset['as'] = dataset['as'] ?? 'count'
        if (dataset['as'] === 'text') cell.classList.add('text')
        cell.append(make('span'), make('small'))
        return cell
      }),
    )
    return row
  }

  #fill(row: HTMLTableRowElement, listed: ListedRow): void {
    this.#columns.forEach(({ dataset: { key = '', as, note = '' } }, index) => {
      const cell = row.children[index] as HTMLElement
      const value = listed[key]
      setText(cell.firstElementChild as Element, formed(value, as, this.#now))
      setText(cell.lastElementChild as Element, String(listed[note] ?? ''))
      cell.classList.toggle('is-nothing', value === null || value === undefined || value === 0)
    })
  }
}
