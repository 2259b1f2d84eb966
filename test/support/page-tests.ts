import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, onTestFinished } from 'vitest'
import { startChromium } from '../../dev/chromium.ts'
import { shared } from './shared.ts'

interface Opened {
  readonly page: Page
  /** What went to the console besides plain lines, and what it asked of anybody else. */
  readonly complaints: string[]
}

type Open = (skip: (reason: string) => never, url: string, width?: number) => Promise<Opened>

/** A browser for the tests of a file, and a built program. Where there is no browser these tests are skipped, and say so. */
export function pageTests(): { readonly open: Open } {
  let browser: Browser | string
  beforeAll(async () => {
    ;[browser] = await Promise.all([startChromium(), shared('program')])
  })
  afterAll(async () => {
    if (typeof browser !== 'string') await browser.close()
  })
  return {
    async open(skip, url, width = 1280) {
      if (typeof browser === 'string') return skip(browser)
      const context = await browser.newContext({ viewport: { width, height: 844 } })
      onTestFinished(() => context.close())
      const page = await context.newPage()
      const complaints: string[] = []
      page.on('console', (line) => void (['error', 'warning'].includes(line.type()) && complaints.push(line.text())))
      page.on('pageerror', (error) => complaints.push(error.message))
      page.on('request', (request) => {
        const { protocol, host } = new URL(request.url())
        if (protocol !== 'data:' && host !== new URL(url).host) complaints.push(`a request to ${request.url()}`)
      })
      await page.goto(url)
      return { page, complaints }
    },
  }
}

export const verdictOf = async (page: Page) => ({
  level: await page.locator('#verdict').getAttribute('data-level'),
  headline: await page.locator('#headline').textContent(),
  reasons: await page.locator('#reasons li').allTextContents(),
})
export const levelOf = async (page: Page) => (await verdictOf(page)).level
export const overflowOf = (page: Page) => page.evaluate('document.documentElement.scrollWidth - innerWidth')
export const figureOf = (page: Page, path: string) => page.locator(`td[data-figure="${path}"]`).textContent()
/** For `expect.poll`. */
export const soon = { interval: 200 }

/** What a page has to be readable in: colours, and pixels in width. */
export const looks = [
  ['light', 1120],
  ['dark', 1120],
  ['light', 360],
  ['dark', 360],
] as const
