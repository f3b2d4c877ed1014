/* Records in the browser: made from a chunk, found, sorted, grouped, summed. Touches no page. What is found agrees with
   scripts/xueshi/reports/query.py; what a chunk holds is told in reports/query_page.py. */
(function () {
  'use strict';

  const fold = text => text.normalize('NFKC').toLowerCase();
  const spoken = name => fold(name).replace(/[\s·•・]/g, '').replace(/ü/g, 'v');

  function member([id, name, order, spellings]) {
    return {id, label: name, order, spoken: spoken(name), spellings: ' ' + spellings};
  }

  /** A chunk's records as objects. `day` is a number such as 20261124; members and kinds are shared by their records. */
  function records(chunk, branch, year) {
    const members = chunk.members.map(member);
    const kinds = chunk.kinds.map(([id, label]) => ({id, label}));
    return chunk.rows.map(([id, who, kind, day, last, claimed, hours, state, title, content, place, pictures, why]) => ({
      id, member: members[who], kind: kinds[kind], branch, day: year * 10000 + day, last, claimed, hours, state, title,
      content, place, pictures, why, words: fold(title + '\n' + content + '\n' + place), rank: 0,
    }));
  }

  const newestFirst = (a, b) => b.day - a.day || (a.id < b.id ? 1 : -1);

  /** What is asked, ready to compare. A date or a number that is none asks nothing. */
  function ready(asked) {
    const day = text => (/^\d{4}-\d\d-\d\d$/.test(text || '') ? Number(text.replace(/-/g, '')) : 0);
    const number = text => (/^\s*\d+(\.\d+)?\s*$/.test(fold(text || '')) ? Number(fold(text)) : NaN);
    return {
      name: spoken(asked.name || ''), branch: asked.branch || '', kind: asked.kind || '', state: asked.state || '',
      from: day(asked.from), to: day(asked.to) || Infinity, min: number(asked.min), max: number(asked.max),
      words: fold(asked.text || '').split(/\s+/).filter(Boolean),
    };
  }

  const isCalled = (said, {id, spoken: name, spellings}) =>
    name.includes(said) || id === said || spellings.includes(' ' + said);

  function matching(rows, asked) {
    const {name, branch, kind, state, from, to, min, max, words} = ready(asked), called = new Map();
    const isMeant = who => {
      if (!called.has(who)) called.set(who, isCalled(name, who));
      return called.get(who);
    };
    return rows.filter(row =>
      row.day >= from && row.day <= to && !(row.hours < min) && !(row.hours > max)
      && (!branch || row.branch.id === branch) && (!kind || row.kind.id === kind) && (!state || row.state === state)
      && (!name || isMeant(row.member)) && words.every(word => row.words.includes(word)));
  }

  // ---- order

  const STATES = {counted: 0, waiting: 1, unapproved: 2, void: 3};
  const KEYS = {
    day: row => row.day, hours: row => row.hours, state: row => STATES[row.state], branch: row => row.branch.order,
    name: row => row.member.order, kind: row => row.kind.label, title: row => row.title,
  };
  const collator = new Intl.Collator('zh', {numeric: true});

  /** Numbers in the order of texts: each text is compared once, however many records have it. */
  function ranks(texts, column) {
    const plain = column === 'name'; // spelled in Latin letters, so that the order is that of the other pages
    const sorted = Array.from(new Set(texts)).sort(plain ? undefined : collator.compare);
    return new Map(sorted.map((text, i) => [text, i]));
  }

  /** `rows` come newest first, and stay so where the column tells no difference. */
  function sorted(rows, sort) {
    const down = sort[0] === '-', column = down ? sort.slice(1) : sort, key = KEYS[column];
    if (sort === '-day' || !key) return rows;
    const found = rows.map(key), isText = typeof found[0] === 'string', known = isText && ranks(found, column);
    rows.forEach((row, i) => { row.rank = isText ? known.get(found[i]) : found[i]; });
    return rows.slice().sort(down ? (a, b) => b.rank - a.rank : (a, b) => a.rank - b.rank);
  }

  const month = row => Math.floor(row.day / 100);
  const GROUPS = {
    name: {id: row => row.member.id, label: row => row.member.label, order: (a, b) => (a.member.order < b.member.order ? -1 : 1)},
    branch: {id: row => row.branch.id, label: row => row.branch.label, order: (a, b) => a.branch.order - b.branch.order},
    kind: {id: row => row.kind.id, label: row => row.kind.label, order: (a, b) => collator.compare(a.kind.label, b.kind.label)},
    month: {id: month, label: row => String(month(row)).replace(/(..)$/, '-$1'), order: (a, b) => month(b) - month(a)},
  };

  /** [{label, rows}]; each keeps the order of `rows`. Without a grouping there is one group with no label. */
  function grouped(rows, name) {
    const by = GROUPS[name], groups = new Map();
    if (!by) return [{label: '', rows}];
    for (const row of rows) {
      const id = by.id(row), group = groups.get(id);
      if (group) group.push(row);
      else groups.set(id, [row]);
    }
    return Array.from(groups.values()).sort(([a], [b]) => by.order(a, b)).map(own => ({label: by.label(own[0]), rows: own}));
  }

  // Amounts are decimal fractions: this much is exact of sums that binary ones round.
  const exact = hours => Math.round(hours * 1e6) / 1e6;

  /** What waits is told apart, and so are those that count for nothing. */
  function sums(rows) {
    const people = new Set(), found = {hours: 0, records: rows.length, waiting: 0, waitingHours: 0, out: 0};
    for (const row of rows) {
      people.add(row.member.id);
      if (row.state === 'counted') found.hours += row.hours;
      else if (row.state === 'waiting') {
        found.waiting += 1;
        found.waitingHours += row.hours;
      } else found.out += 1;
    }
    return Object.assign(found, {people: people.size, hours: exact(found.hours), waitingHours: exact(found.waitingHours)});
  }

  window.xueshiFind = {records, newestFirst, ready, matching, sorted, grouped, sums, exact};
}());
