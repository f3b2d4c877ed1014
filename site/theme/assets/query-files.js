/* Files made in the browser from rows of cells: CSV and XLSX. A cell is a text, a number, or a Date for a day. */
(function () {
  'use strict';

  // ---- CSV, as Excel opens it

  const day = date => date.toISOString().slice(0, 10);
  /** A spreadsheet may take such a text for a formula; the same signs as exports/text.py knows. */
  const isActive = text => /^[=+\-@\t\r＝＋－＠]/.test(text) || /^\s*[=+\-@＝＋－＠]/.test(text);

  function field(cell) {
    if (typeof cell === 'number') return String(cell);
    const text = cell instanceof Date ? day(cell) : (isActive(cell) ? "'" : '') + cell;
    return /[",\r\n]/.test(text) ? '"' + text.replace(/"/g, '""') + '"' : text;
  }

  const csv = rows => new Blob(
    ['\ufeff' + rows.map(row => row.map(field).join(',') + '\r\n').join('')], {type: 'text/csv;charset=utf-8'});

  // ---- XLSX: parts of XML in a ZIP that packs nothing

  const NAMES = 'http://schemas.openxmlformats.org/';
  const HEAD = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n';
  const MAIN = `xmlns="${NAMES}spreadsheetml/2006/main"`;
  const CELL = 32767; // UTF-16 units that Excel holds

  const escaped = text => text.slice(0, CELL).replace(/[\ud800-\udbff]$/, '')
    // eslint-disable-next-line no-control-regex -- XML cannot hold these
    .replace(/[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]/g, '').replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;');

  function letters(column) {
    const rest = column < 26 ? '' : letters(Math.floor(column / 26) - 1);
    return rest + String.fromCharCode(65 + column % 26);
  }

  function cellOf(cell, place, style) {
    if (cell === '') return '';
    if (cell instanceof Date) return `<c r="${place}" s="1"><v>${cell / 864e5 + 25569}</v></c>`;
    if (typeof cell === 'number') return `<c r="${place}" s="${style}"><v>${cell}</v></c>`;
    return `<c r="${place}" s="${style}" t="inlineStr"><is><t xml:space="preserve">${escaped(cell)}</t></is></c>`;
  }

  function sheet(rows, widths) {
    const end = letters(widths.length - 1) + rows.length;
    const line = (row, y) => `<row r="${y + 1}">`
      + row.map((cell, x) => cellOf(cell, letters(x) + (y + 1), y ? 0 : 2)).join('') + '</row>';
    return `${HEAD}<worksheet ${MAIN}><sheetPr><pageSetUpPr fitToPage="1"/></sheetPr><sheetViews><sheetView workbookViewId="0"><pane ySplit="1" topLeftCell="A2" activePane="bottomLeft" state="frozen"/></sheetView></sheetViews>`
      + `<cols>${widths.map((w, i) => `<col min="${i + 1}" max="${i + 1}" width="${w}" customWidth="1"/>`).join('')}</cols>`
      + `<sheetData>${rows.map(line).join('')}</sheetData><autoFilter ref="A1:${end}"/>`
      + '<pageSetup paperSize="9" orientation="landscape" fitToHeight="0"/></worksheet>';
  }

  const styles = () => `${HEAD}<styleSheet ${MAIN}><numFmts count="1"><numFmt numFmtId="164" formatCode="yyyy\\-mm\\-dd"/></numFmts>`
    + '<fonts count="2"><font><sz val="11"/></font><font><b/><sz val="11"/></font></fonts><fills count="2"><fill><patternFill/></fill><fill><patternFill patternType="gray125"/></fill></fills>'
    + '<borders count="1"><border/></borders><cellStyleXfs count="1"><xf/></cellStyleXfs>'
    + '<cellXfs count="3"><xf xfId="0"/><xf numFmtId="164" applyNumberFormat="1" xfId="0"/><xf fontId="1" applyFont="1" xfId="0"/></cellXfs></styleSheet>';

  function parts(rows, widths, title) {
    const office = `${NAMES}officeDocument/2006/relationships`, links = `xmlns="${NAMES}package/2006/relationships"`;
    const type = name => `application/vnd.openxmlformats-officedocument.spreadsheetml.${name}+xml`;
    const override = (part, name) => `<Override PartName="/${part}" ContentType="${type(name)}"/>`;
    return {
      '[Content_Types].xml': `${HEAD}<Types xmlns="${NAMES}package/2006/content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>`
        + override('xl/workbook.xml', 'sheet.main') + override('xl/worksheets/sheet1.xml', 'worksheet') + override('xl/styles.xml', 'styles') + '</Types>',
      '_rels/.rels': `${HEAD}<Relationships ${links}><Relationship Id="r1" Type="${office}/officeDocument" Target="xl/workbook.xml"/></Relationships>`,
      'xl/workbook.xml': `${HEAD}<workbook ${MAIN} xmlns:r="${office}"><sheets><sheet name="${escaped(title)}" sheetId="1" r:id="r1"/></sheets>`
        + `<definedNames><definedName name="_xlnm.Print_Titles" localSheetId="0">'${escaped(title)}'!$1:$1</definedName></definedNames></workbook>`,
      'xl/_rels/workbook.xml.rels': `${HEAD}<Relationships ${links}><Relationship Id="r1" Type="${office}/worksheet" Target="worksheets/sheet1.xml"/><Relationship Id="r2" Type="${office}/styles" Target="styles.xml"/></Relationships>`,
      'xl/styles.xml': styles(),
      'xl/worksheets/sheet1.xml': sheet(rows, widths),
    };
  }

  // ---- ZIP

  const CRC = new Uint32Array(256).map((_, n) => {
    for (let i = 0; i < 8; i++) n = n & 1 ? 0xedb88320 ^ (n >>> 1) : n >>> 1;
    return n;
  });
  const crc32 = bytes => ~bytes.reduce((sum, byte) => CRC[(sum ^ byte) & 255] ^ (sum >>> 8), ~0) >>> 0;

  /** Little-endian numbers, given as pairs of size and value. */
  function packed(...pairs) {
    const view = new DataView(new ArrayBuffer(pairs.reduce((sum, [size]) => sum + size, 0)));
    pairs.reduce((at, [size, value]) => {
      if (size === 2) view.setUint16(at, value, true);
      else view.setUint32(at, value, true);
      return at + size;
    }, 0);
    return view.buffer;
  }

  const START = 0x21; // 1 January 1980: the same rows make the same bytes
  function zip(files) {
    const entries = [], index = [];
    let at = 0, indexed = 0;
    for (const name of Object.keys(files)) {
      const path = new TextEncoder().encode(name), data = new TextEncoder().encode(files[name]);
      const about = [[2, 20], [2, 0x800], [2, 0], [2, 0], [2, START], [4, crc32(data)], [4, data.length], [4, data.length], [2, path.length], [2, 0]];
      entries.push(packed([4, 0x04034b50], ...about), path, data);
      index.push(packed([4, 0x02014b50], [2, 20], ...about, [2, 0], [2, 0], [2, 0], [4, 0], [4, at]), path);
      at += 30 + path.length + data.length;
      indexed += 46 + path.length;
    }
    const count = index.length / 2;
    index.push(packed([4, 0x06054b50], [2, 0], [2, 0], [2, count], [2, count], [4, indexed], [4, at], [2, 0]));
    return [...entries, ...index];
  }

  const xlsx = (rows, widths, title) => new Blob(
    zip(parts(rows, widths, title)), {type: 'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet'});

  window.xueshiFiles = {csv, xlsx};
}());
