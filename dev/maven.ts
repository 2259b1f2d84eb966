import { execFile } from 'node:child_process'
import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { cached } from './cache.ts'

/** The folder with these artifacts (`group:name:version`) and all that they depend on, or with a classifier behind the version alone, fetched by Maven when it is asked for first. */
export const mavenJars = (name: string, artifacts: readonly string[]): Promise<string> =>
  cached(name, async (folder) => {
    const pom = join(folder, 'pom.xml')
    await writeFile(pom, projectOf(artifacts))
    try {
      await promisify(execFile)('mvn', ['-q', '-B', '-f', pom, 'dependency:copy-dependencies', `-DoutputDirectory=${folder}`])
    } catch (error) {
      const { stdout = '' } = error as { stdout?: string }
      throw new Error(`Maven could not fetch ${name} from Maven Central (is mvn installed, is the network there?)\n${stdout}`, {
        cause: error,
      })
    }
    await rm(pom)
  })

const projectOf = (artifacts: readonly string[]) => `<project>
  <modelVersion>4.0.0</modelVersion>
  <groupId>dev</groupId>
  <artifactId>servers</artifactId>
  <version>0</version>
  <dependencies>
${artifacts.map(dependency).join('\n')}
  </dependencies>
</project>
`

function dependency(artifact: string): string {
  const [group, name, version, classifier] = artifact.split(':')
  // What a classifier stands for brings along what it needs.
  const alone =
    classifier === undefined
      ? ''
      : `<classifier>${classifier}</classifier><exclusions><exclusion><groupId>*</groupId><artifactId>*</artifactId></exclusion></exclusions>`
  return `    <dependency><groupId>${group}</groupId><artifactId>${name}</artifactId><version>${version}</version>${alone}</dependency>`
}
