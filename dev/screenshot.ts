import { statSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { startChromium } from './chromium.ts'
import { dockerScene } from './screenshot/docker.ts'
import { kafkaScene } from './screenshot/kafka.ts'

/** A worker at work on real servers, whose page is to be shown. */
export interface ScreenshotScene {
  /** Of the picture, below docs. */
  readonly file: string
  readonly url: string
  /** The last element that is in the picture. */
  readonly end: string
  /** Keeps the worker at work for so long that there is something to see. */
  watch(): Promise<void>
  close(): Promise<void>
}

const scenes: Readonly<Record<string, () => Promise<ScreenshotScene>>> = { kafka: kafkaScene, docker: dockerScene }

/** `npm run screenshot`: the picture in the README, of a worker that reads Kafka; with `-- --input docker`, that of docs/inputs/docker.md. */
const { values: options } = parseArgs({ options: { input: { type: 'string', default: 'kafka' } } })
const start = scenes[options.input]
if (start === undefined) throw new Error(`--input: found "${options.input}", expected one of ${Object.keys(scenes).join(', ')}`)

const browser = await startChromium()
if (typeof browser === 'string') throw new Error(browser)
const scene = await start()
const page = await browser.newPage({ viewport: { width: 1120, height: 720 }, colorScheme: 'light' })
await page.goto(scene.url)
console.log(`${scene.url} is watched …`)
await scene.watch()

const file = fileURLToPath(new URL(`../docs/${scene.file}`, import.meta.url))
const end = await page.locator(scene.end).boundingBox()
const height = Math.round((end?.y ?? 0) + (end?.height ?? 0)) + 12
await page.screenshot({ path: file, clip: { x: 0, y: 0, width: 1120, height }, fullPage: true })
console.log(`${file}: ${Math.ceil(statSync(file).size / 1024)} KiB`)
await browser.close()
await scene.close()
