import type { InputStats } from '../flow/contracts.ts'
import type { Listing, ShownFigure } from '../flow/shown.ts'
import { escapeHtml } from './escape-html.ts'

/** So many rows of a listing are asked for by the page: as many as a person still reads. */
const ROWS = 20

/** The page's part of each input that has figures to show. The page's script fills in what `data-figure` names. */
export function sectionsHtml(inputs: readonly InputStats[]): string {
  return inputs.map(({ name, section }) => (section === undefined ? '' : sectionHtml(name, section.title, section.figures))).join('\n')
}

function sectionHtml(input: string, title: string, figures: readonly ShownFigure[]): string {
  const rows = figures.map(
    ({ label, note, figure, as, isBad }) =>
      `<tr><th scope="row">${escapeHtml(label)}${small(note)}</th><td${as === 'text' ? ' class="text"' : ''}${attributes({ figure: `inputs.${input}.${figure}`, as, bad: isBad && '' })}></td></tr>`,
  )
  return `<div id="${input}-section"><h2>${escapeHtml(title)}</h2><table><tbody>${rows.join('')}</tbody></table></div>`
}

/** A table for each listing, with a field to filter it by. The page's script fills in the rows, and shows the field where there are more. */
export function listingsHtml(inputs: readonly InputStats[]): string {
  return inputs.flatMap(({ listings = [] }) => listings.map(listingHtml)).join('\n')
}

function listingHtml({ name, title, note, columns, empty }: Listing): string {
  const heads = columns.map(
    (column) =>
      `<th scope="col"${column.isWide ? ' class="wide"' : ''}${attributes({ key: column.key, as: column.as, note: column.note })}>${escapeHtml(column.title)}</th>`,
  )
  return `<section class="listing" aria-labelledby="${name}-title"${attributes({ listing: name, rows: String(ROWS), empty })}>
  <h2 id="${name}-title">${escapeHtml(title)}</h2>
  <p class="note">${escapeHtml(note ?? '')} <span class="count"></span></p>
  <p class="filter-line" hidden><label>Filter <input type="search" placeholder="parts of any text" autocomplete="off" spellcheck="false"></label></p>
  <table><thead><tr>${heads.join('')}</tr></thead><tbody></tbody></table>
</section>`
}

/** Links to the listings, with what each is of. */
export function listingLinks(inputs: readonly InputStats[]): string {
  return inputs
    .flatMap(({ listings = [] }) => listings)
    .map(({ name, title }) => `<li><a href="stats/${name}">stats/${name}</a> ${escapeHtml(title.toLowerCase())}, as JSON</li>`)
    .join('\n    ')
}

const small = (note: string | undefined) => (note === undefined ? '' : `<small>${escapeHtml(note)}</small>`)

/** `data-` ones; those without a value are left out. */
function attributes(values: Readonly<Record<string, string | undefined>>): string {
  return Object.entries(values)
    .map(([name, value]) => (value === undefined ? '' : ` data-${name}="${escapeHtml(value)}"`))
    .join('')
}
