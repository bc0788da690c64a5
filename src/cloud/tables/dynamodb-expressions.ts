import type { AttributeValue, Condition, ItemChange } from './port.ts';

/** The expression parameters of one DynamoDB request, ready to be spread into it. */
export interface Expressions {
  ConditionExpression?: string;
  UpdateExpression?: string;
  KeyConditionExpression?: string;
  ExpressionAttributeNames?: Record<string, string>;
  ExpressionAttributeValues?: Record<string, AttributeValue>;
}

/**
 * Collects names and values under placeholders: any attribute name is fine, reserved words included, and nothing of a value ever becomes
 * part of an expression.
 */
export class ExpressionBuilder {
  readonly #names = new Map<string, string>();
  readonly #values: Record<string, AttributeValue> = {};
  #valueCount = 0;
  readonly #expressions: Expressions = {};

  name(attribute: string): string {
    const placeholder = this.#names.get(attribute) ?? `#n${this.#names.size}`;
    this.#names.set(attribute, placeholder);
    return placeholder;
  }

  value(value: AttributeValue): string {
    const placeholder = `:v${this.#valueCount}`;
    this.#valueCount += 1;
    this.#values[placeholder] = value;
    return placeholder;
  }

  condition(condition: Condition | undefined): this {
    if (condition === undefined || condition.length === 0) {
      return this;
    }
    const clauses = condition.map((clause) => {
      if ('exists' in clause) {
        return `${clause.exists ? 'attribute_exists' : 'attribute_not_exists'}(${this.name('pk')})`;
      }
      if ('absent' in clause) {
        return `attribute_not_exists(${this.name(clause.attribute)})`;
      }
      return 'below' in clause
        ? `${this.name(clause.attribute)} < ${this.value(clause.below)}`
        : `${this.name(clause.attribute)} = ${this.value(clause.equals)}`;
    });
    this.#expressions.ConditionExpression = clauses.join(' AND ');
    return this;
  }

  change(change: ItemChange): this {
    const set = Object.entries(change.set ?? {}).map(
      ([attribute, value]) => `${this.name(attribute)} = ${this.value(value)}`,
    );
    const add = Object.entries(change.add ?? {}).map(
      ([attribute, amount]) => `${this.name(attribute)} ${this.value(amount)}`,
    );
    const remove = (change.remove ?? []).map((attribute) => this.name(attribute));
    const parts = [
      ...(set.length > 0 ? [`SET ${set.join(', ')}`] : []),
      ...(add.length > 0 ? [`ADD ${add.join(', ')}`] : []),
      ...(remove.length > 0 ? [`REMOVE ${remove.join(', ')}`] : []),
    ];
    if (parts.length > 0) {
      this.#expressions.UpdateExpression = parts.join(' ');
    }
    return this;
  }

  keys(
    partition: { attribute: string; equals: string },
    sort: { attribute: string; prefix: string | undefined; below: string | undefined },
  ): this {
    const clauses = [`${this.name(partition.attribute)} = ${this.value(partition.equals)}`];
    if (sort.below !== undefined) {
      clauses.push(`${this.name(sort.attribute)} < ${this.value(sort.below)}`);
    }
    if (sort.prefix !== undefined && sort.prefix !== '') {
      clauses.push(`begins_with(${this.name(sort.attribute)}, ${this.value(sort.prefix)})`);
    }
    this.#expressions.KeyConditionExpression = clauses.join(' AND ');
    return this;
  }

  build(): Expressions {
    // DynamoDB refuses empty maps.
    return {
      ...this.#expressions,
      ...(this.#names.size > 0
        ? { ExpressionAttributeNames: Object.fromEntries([...this.#names].map(([name, key]) => [key, name])) }
        : {}),
      ...(this.#valueCount > 0 ? { ExpressionAttributeValues: this.#values } : {}),
    };
  }
}
