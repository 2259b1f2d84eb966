import { execFile } from 'node:child_process'
import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { cached } from './cache.ts'

/** The folder with the jars of that Kafka, fetched by Maven when it is asked for first: about 10 s, 43 MB. */
export const kafkaJars = (version: string): Promise<string> =>
  cached(`kafka-${version}`, async (folder) => {
    const pom = join(folder, 'pom.xml')
    await writeFile(pom, projectOf(version))
    try {
      await promisify(execFile)('mvn', ['-q', '-B', '-f', pom, 'dependency:copy-dependencies', `-DoutputDirectory=${folder}`])
    } catch (error) {
      const { stdout = '' } = error as { stdout?: string }
      throw new Error(`Maven could not fetch Kafka ${version} from Maven Central (is mvn installed, is the network there?)\n${stdout}`, {
        cause: error,
      })
    }
    await rm(pom)
  })

const projectOf = (version: string) => `<project>
  <modelVersion>4.0.0</modelVersion>
  <groupId>dev</groupId>
  <artifactId>kafka</artifactId>
  <version>0</version>
  <dependencies>
    <dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>${version}</version></dependency>
    <dependency><groupId>org.slf4j</groupId><artifactId>slf4j-simple</artifactId><version>1.7.36</version></dependency>
  </dependencies>
</project>
`
