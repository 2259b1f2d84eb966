/**
 * How an input is shown to people: what of its figures stands on the page of the debug server, and in which words. The page knows no input by
 * name; whoever adds one says here all that is to be seen of it.
 */

/**
 * How a value is written: `count`, `bytes`, `duration` (in s) of numbers; `text`, which may be long, and `word`, which is not; `ago` of a time as ISO 8601; `list` of texts. What is null or
 * undefined is shown as unknown, of `ago` as never.
 */
type Form = 'count' | 'bytes' | 'duration' | 'text' | 'word' | 'ago' | 'list'

/** A row of a section: one of the input's figures. */
export interface ShownFigure {
  readonly label: string
  /** In small letters beside it. */
  readonly note?: string
  /** Where it stands in the input's object in `/stats`: keys, a dot between. */
  readonly figure: string
  /** A count, or a text where it is one, unless this says something. */
  readonly as?: Form
  /** Anything but 0 is for somebody to look at. */
  readonly isBad?: true
}

export interface Section {
  readonly title: string
  readonly figures: readonly ShownFigure[]
}

interface Column {
  readonly title: string
  /** Of a row. */
  readonly key: string
  readonly as?: Form
  /** What stands in small letters under it: another key of the row. */
  readonly note?: string
  /** Left out where there is little room. */
  readonly isWide?: true
}

/** A row of a listing, by key: plain JSON, names in snake case. No secrets. */
export type ListedRow = Readonly<Record<string, string | number | boolean | null>>

/** What an input has many of. `GET /stats/NAME` answers with it, and the page has a table of it, of which the first rows are shown. */
export interface Listing {
  readonly name: string
  readonly title: string
  /** A sentence under the title. */
  readonly note?: string
  /** The first says what a row is of. */
  readonly columns: readonly Column[]
  /** Instead of rows, where there are none. */
  readonly empty: string
  /** All there are now, those first that somebody should look at. */
  rows(): readonly ListedRow[]
}
