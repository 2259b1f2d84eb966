import { BaseSequencer, type TestSpecification } from 'vitest/node'

/** The soak takes two minutes whatever the machine: begun first of the crash tests, it is over with the others, and not two minutes behind them. */
export class SoakFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files)
    const soakAt = sorted.findIndex(({ moduleId }) => moduleId.endsWith('/soak.test.ts'))
    const soak = sorted[soakAt]
    if (soak === undefined) return sorted
    const firstAt = sorted.findIndex(({ project }) => project === soak.project)
    return sorted.toSpliced(soakAt, 1).toSpliced(firstAt, 0, soak)
  }
}
