import type { Page } from 'playwright-core'

/** Of WCAG 2.2, for text of any size (success criterion 1.4.3). */
const LEAST_CONTRAST = 4.5
const LEAST_PX = 12

/** Every text of the page that is hard to read as it stands: its contrast to what is behind it, and its size. */
export const hardToRead = (page: Page) => page.evaluate<string[]>(HARD_TO_READ)

// As text, since the tests are compiled without the types of a browser.
const HARD_TO_READ = `(() => {
  const parse = (color) => color.match(/[\\d.]+/g).map(Number)
  const luminance = (color) => {
    const [r, g, b] = color.slice(0, 3).map((value) => value / 255).map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4))
    return 0.2126 * r + 0.7152 * g + 0.0722 * b
  }
  const behind = (element) => {
    if (element === null) return [255, 255, 255]
    const color = parse(getComputedStyle(element).backgroundColor)
    return (color[3] ?? 1) === 1 ? color : behind(element.parentElement)
  }
  const hasText = (element) => [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim() !== '')
  return [...document.querySelectorAll('body *')]
    .filter((element) => element.checkVisibility() && hasText(element))
    .map((element) => {
      const { color, fontSize } = getComputedStyle(element)
      const [dark, light] = [luminance(parse(color)), luminance(behind(element))].sort((a, b) => a - b)
      return { text: element.textContent.trim(), contrast: (light + 0.05) / (dark + 0.05), px: parseFloat(fontSize) }
    })
    .filter(({ contrast, px }) => contrast < ${LEAST_CONTRAST} || px < ${LEAST_PX})
    .map(({ text, contrast, px }) => text + ': ' + contrast.toFixed(1) + ' at ' + px + ' px')
})()`

/** How many pixels of a canvas have this colour of the page's style sheet: `--one`. */
export const pixelsOf = (page: Page, canvas: string, color: string) => page.evaluate<number>(call(PIXELS, canvas, color))

const PIXELS = `(selector, color) => {
  const canvas = document.querySelector(selector)
  const probe = document.body.appendChild(document.createElement('i'))
  probe.style.color = 'var(' + color + ')'
  const wanted = getComputedStyle(probe).color.match(/[\\d.]+/g).map(Number)
  probe.remove()
  const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height)
  let found = 0
  for (let at = 0; at < data.length; at += 4) {
    if (data[at + 3] > 250 && wanted.every((value, i) => Math.abs(data[at + i] - value) < 8)) found++
  }
  return found
}`

/** On how many lines the text of an element stands. */
export const linesOf = (page: Page, element: string) => page.evaluate<number>(call(LINES, element))

const LINES = `(selector) => {
  const text = document.createRange()
  text.selectNodeContents(document.querySelector(selector))
  return new Set([...text.getClientRects()].map(({ top }) => top)).size
}`

/** The headings of the cards that hold more than fits into them. */
export const tooWide = (page: Page) => page.evaluate<string[]>(TOO_WIDE)

const TOO_WIDE = `[...document.querySelectorAll('section, figure')]
  .filter((card) => card.scrollWidth > card.clientWidth)
  .map((card) => card.querySelector('h2, h3').textContent)`

const call = (source: string, ...args: readonly string[]) => `(${source})(...${JSON.stringify(args)})`
