// Makes src/debug/generated/page.html from src/debug/page/: one file with style and script inside. Plain JavaScript: npm runs it as `prepare`.
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'

process.chdir(new URL('..', import.meta.url).pathname)

const sources = 'src/debug/page'
const page = 'src/debug/generated/page.html'

// Without the development dependencies (on a platform that runs what was built) there is nothing to make it with.
if (existsSync('node_modules/esbuild')) {
  const { build } = await import('esbuild')
  const { outputFiles } = await build({
    entryPoints: [`${sources}/main.ts`, `${sources}/page.css`],
    bundle: true,
    minify: true,
    format: 'iife',
    target: 'es2022',
    banner: {
      js: `/*!\n${readFileSync('node_modules/uplot/LICENSE', 'utf8').replace('(MIT)', '(MIT) of uPlot, which draws the charts')}*/`,
    },
    outdir: 'nowhere',
    write: false,
  })
  const built = (name) => outputFiles.find(({ path }) => path.endsWith(name)).text.trim()
  const html = readFileSync(`${sources}/page.html`, 'utf8')
    .replace('/*style*/', () => built('page.css'))
    .replace('/*script*/', () => built('main.js'))
  mkdirSync('src/debug/generated', { recursive: true })
  // In one step: somebody may be reading it.
  writeFileSync(`${page}.new`, html)
  renameSync(`${page}.new`, page)
}
