"""Zip containers: office files and e-books, and what can be wrong with any zip."""
import struct
import zlib

from common import case, repeated_deflate


class Entry:
    """One entry; each field may lie."""

    def __init__(self, name, data=b'', method=8, flags=0x800, packed=None, crc=None, size=None, packed_size=None,
                 local_name=None):
        self.name = name if isinstance(name, bytes) else name.encode()
        self.local_name = self.name if local_name is None else local_name
        if packed is None:
            if method == 8:
                c = zlib.compressobj(6, zlib.DEFLATED, -15)
                packed = c.compress(data) + c.flush()
            else:
                packed = data
        self.packed, self.method, self.flags = packed, method, flags
        self.crc = zlib.crc32(data) if crc is None else crc
        self.size = len(data) if size is None else size
        self.packed_size = len(packed) if packed_size is None else packed_size

    def local(self):
        return struct.pack('<4s5H3L2H', b'PK\3\4', 20, self.flags, self.method, 0, 0x21, self.crc, self.packed_size,
                           self.size, len(self.local_name), 0) + self.local_name + self.packed

    def central(self, at):
        return struct.pack('<4s6H3L5H2L', b'PK\1\2', 20, 20, self.flags, self.method, 0, 0x21, self.crc,
                           self.packed_size, self.size, len(self.name), 0, 0, 0, 0, 0, at) + self.name


def archive(entries, count=None, overlap=False, directory_at=None):
    out, central = bytearray(), bytearray()
    for e in entries:
        at = 0 if overlap else len(out)
        if not overlap or not out:
            out += e.local()
        central += e.central(at)
    n = min(len(entries), 65535) if count is None else count
    end = struct.pack('<4s4H2LH', b'PK\5\6', 0, 0, n, n, len(central),
                      len(out) if directory_at is None else directory_at, 0)
    return bytes(out + central + end)


W = 'http://schemas.openxmlformats.org/wordprocessingml/2006/main'
TYPES = ('<?xml version="1.0"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
         '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
         '<Default Extension="xml" ContentType="application/xml"/>'
         '<Override PartName="/%s" ContentType="application/vnd.openxmlformats-officedocument.%s.main+xml"/></Types>')
RELS = ('<?xml version="1.0"?><Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
        '<Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument"'
        ' Target="%s"/></Relationships>')


def office(part, kind, body, more=()):
    body = body if isinstance(body, Entry) else Entry(part, body if isinstance(body, bytes) else body.encode())
    return archive([Entry('[Content_Types].xml', (TYPES % (part, kind)).encode()),
                    Entry('_rels/.rels', (RELS % part).encode()), body, *more])


def docx(body, more=()):
    return office('word/document.xml', 'wordprocessingml.document', body, more)


def document(inside, before='', after=''):
    return ('<?xml version="1.0"?>%s<w:document xmlns:w="%s"><w:body><w:p><w:r><w:t>%s</w:t></w:r></w:p>%s</w:body>'
            '</w:document>' % (before, W, inside, after))


def odt(content, more=()):
    content = content if isinstance(content, bytes) else content.encode()
    return archive([Entry('mimetype', b'application/vnd.oasis.opendocument.text', method=0),
                    Entry('content.xml', content), *more])


ODT = ('<?xml version="1.0"?>%s<office:document-content'
       ' xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0"'
       ' xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0"'
       ' xmlns:table="urn:oasis:names:tc:opendocument:xmlns:table:1.0">'
       '<office:body><office:text>%s</office:text></office:body></office:document-content>')

CONTAINER = ('<?xml version="1.0"?><container version="1.0" xmlns="urn:oasis:names:tc:opendocument:xmlns:container">'
             '<rootfiles><rootfile full-path="%s" media-type="application/oebps-package+xml"/></rootfiles></container>')


def epub(chapter, refs='<itemref idref="a"/>', href='a.xhtml', root='c.opf', more=()):
    opf = ('<?xml version="1.0"?><package xmlns="http://www.idpf.org/2007/opf" version="3.0"><metadata/>'
           '<manifest><item id="a" href="%s" media-type="application/xhtml+xml"/></manifest><spine>%s</spine></package>'
           % (href, refs))
    return archive([Entry('mimetype', b'application/epub+zip', method=0),
                    Entry('META-INF/container.xml', (CONTAINER % root).encode()),
                    Entry('c.opf', opf.encode()), Entry('a.xhtml', chapter.encode()), *more])


XHTML = '<?xml version="1.0"?>%s<html xmlns="http://www.w3.org/1999/xhtml"><body><p>%s</p></body></html>'


def xlsx(sheet, strings):
    book = ('<?xml version="1.0"?><workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
            ' xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"><sheets>'
            '<sheet name="One" sheetId="1" r:id="rId1"/></sheets></workbook>')
    rels = ('<?xml version="1.0"?><Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
            '<Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet"'
            ' Target="worksheets/sheet1.xml"/></Relationships>')
    ns = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
    return office('xl/workbook.xml', 'spreadsheetml.sheet', book, [
        Entry('xl/_rels/workbook.xml.rels', rels.encode()),
        Entry('xl/sharedStrings.xml', ('<?xml version="1.0"?>%s' % strings.replace('NS', ns)).encode()),
        Entry('xl/worksheets/sheet1.xml', ('<?xml version="1.0"?><worksheet %s><sheetData>%s</sheetData></worksheet>'
                                          % (ns, sheet)).encode())])


def laughs(levels, width):
    rows = ['<!ENTITY a0 "ha">']
    rows += ['<!ENTITY a%d "%s">' % (i, ('&a%d;' % (i - 1)) * width) for i in range(1, levels)]
    return '<!DOCTYPE x [%s]>' % ''.join(rows)


SECRET = '<!DOCTYPE x [<!ENTITY e SYSTEM "file://%s">]>'

# --- bombs ---------------------------------------------------------------------------------------------


def flat_bomb(times):
    head, tail = document('BODY').encode().split(b'BODY')
    packed, crc, n = repeated_deflate(b'word ' * 2**18, times, head, tail)
    return docx(Entry('word/document.xml', packed=packed, crc=crc, size=n))


@case('bomb-flat.docx', 'refused', quick=True)
def _(c):
    return flat_bomb(120)


@case('bomb-3gb.docx', 'refused')
def _(c):
    return flat_bomb(3000)


@case('bomb-text.docx', 'refused')
def _(c):
    """Just more text than there may be."""
    return flat_bomb(65)


@case('bomb-nested.epub', 'any', quick=True)
def _(c):
    inside = b'a' * 100_000
    for i in range(12):
        inside = archive([Entry('a.zip', inside), Entry('b.zip', inside)])
    return inside


@case('bomb-overlapping.docx', 'any', quick=True)
def _(c):
    packed, crc, n = repeated_deflate(b'a ' * 2**18, 60)
    e = [Entry('word/document%s.xml' % (i or ''), packed=packed, crc=crc, size=n) for i in range(2000)]
    return archive(e, overlap=True)


@case('bomb-quine.docx', 'any', quick=True)
def _(c):
    """An entry that holds the archive it stands in."""
    e = Entry('word/document.xml', b'', method=0, size=400, packed_size=400)
    return archive([e]) * 3


@case('bomb-entries.epub', 'any')
def _(c):
    return archive([Entry('%d' % i, b'', method=0) for i in range(65_535)])


@case('bomb-strings.xlsx', 'any', quick=True)
def _(c):
    """One long string, referred to from many cells: 100 GB."""
    row = ''.join('<row r="%d">%s</row>' % (r, ''.join('<c r="A%d" t="s"><v>0</v></c>' % r for _ in range(100)))
                  for r in range(1, 1001))
    return xlsx(row, '<sst NS><si><t>%s</t></si></sst>' % ('shared ' * 150_000))


@case('bomb-sparse.xlsx', 'any', quick=True)
def _(c):
    return xlsx('<row r="1"><c r="A1"><v>1</v></c></row><row r="1048576"><c r="XFD1048576"><v>2</v></c></row>'
                '<row r="4294967295"><c r="ZZZZZZZ99999999999"><v>3</v></c><c r="A-1" t="s"><v>-7</v></c>'
                '<c t="s"><v>99999999999999999999</v></c></row>', '<sst NS count="4294967295"/>')


@case('bomb-spaces.odt', 'any', quick=True)
def _(c):
    return odt(ODT % ('', '<text:p>a<text:s text:c="2000000000"/>b</text:p>' * 50))


@case('bomb-repeated.odt', 'any', quick=True)
def _(c):
    cell = '<table:table-cell table:number-columns-repeated="2000000000"><text:p>x</text:p></table:table-cell>'
    return odt(ODT % ('', '<table:table><table:table-row table:number-rows-repeated="2000000000">%s'
                          '</table:table-row></table:table>' % cell))


@case('bomb-spine.epub')
def _(c):
    """One chapter, 50,000 times in the book's order."""
    return epub(XHTML % ('', 'chapter ' * 20_000), refs='<itemref idref="a"/>' * 50_000)


@case('bomb-spine-self.epub', 'any')
def _(c):
    return epub(XHTML % ('', 'x'), href='c.opf', root='META-INF/container.xml')


# --- XML ---------------------------------------------------------------------------------------------------

@case('xml-laughs.docx', 'any', quick=True)
def _(c):
    return docx(document('&a29;', laughs(30, 10)))


@case('xml-laughs.odt', 'any')
def _(c):
    return odt(ODT % (laughs(30, 10), '<text:p>&a29;</text:p>'))


@case('xml-laughs.epub', 'any')
def _(c):
    return epub(XHTML % (laughs(30, 10), '&a29;'))


@case('xml-laughs.xlsx', 'any')
def _(c):
    return xlsx('<row r="1"><c r="A1" t="s"><v>0</v></c></row>',
                laughs(30, 10) + '<sst NS><si><t>&a29;</t></si></sst>')


@case('xml-quadratic.docx', 'any', quick=True)
def _(c):
    return docx(document('&a;' * 100_000, '<!DOCTYPE x [<!ENTITY a "%s">]>' % ('a' * 100_000)))


@case('xml-entity-loop.docx', 'any', quick=True)
def _(c):
    return docx(document('&a;', '<!DOCTYPE x [<!ENTITY a "&b;"><!ENTITY b "&a;">]>'))


@case('xml-external.docx', 'any', quick=True)
def _(c):
    return docx(document('before &e; after', SECRET % c['secret']))


@case('xml-external.odt', 'any', quick=True)
def _(c):
    return odt(ODT % (SECRET % c['secret'], '<text:p>before &e; after</text:p>'))


@case('xml-external.epub', 'any', quick=True)
def _(c):
    return epub(XHTML % (SECRET % c['secret'], 'before &e; after'))


@case('xml-parameter.docx', 'any')
def _(c):
    return docx(document('x', '<!DOCTYPE x [<!ENTITY %% p SYSTEM "file://%s"> %%p;]>' % c['secret']))


@case('xml-http.docx', 'any', quick=True)
def _(c):
    return docx(document('before &e; after', '<!DOCTYPE x SYSTEM "http://127.0.0.1:9/x.dtd" ['
                         '<!ENTITY e SYSTEM "http://127.0.0.1:9/x">]>'))


@case('xml-include.docx', 'any', quick=True)
def _(c):
    return docx(document('before <xi:include xmlns:xi="http://www.w3.org/2001/XInclude" parse="text" href="file://%s"/>'
                         ' after' % c['secret']))


@case('xml-attribute.docx', 'any')
def _(c):
    return docx(document('x', after='<w:p w:rsid="%s"/>' % ('a' * 12_000_000)))


@case('xml-attributes.docx', 'any')
def _(c):
    return docx(document('x', after='<w:p %s/>' % ' '.join('w:a%d=""' % i for i in range(200_000))))


@case('xml-deep.docx', 'any', quick=True)
def _(c):
    return docx(document('x', after='<w:p>' * 100_000 + 'deep' + '</w:p>' * 100_000))


@case('xml-deep.odt', 'any')
def _(c):
    return odt(ODT % ('', '<text:section>' * 100_000 + '<text:p>x</text:p>' + '</text:section>' * 100_000))


@case('xml-tables.docx', 'any')
def _(c):
    t = '<w:tbl><w:tr><w:tc>%s</w:tc></w:tr></w:tbl>'
    inside = '<w:p><w:r><w:t>x</w:t></w:r></w:p>'
    return docx(document('x', after=t.split('%s')[0] * 20_000 + inside + t.split('%s')[1] * 20_000))


@case('xml-not.docx', 'refused', quick=True)
def _(c):
    return docx(b'\0\1\2 no XML at all')


@case('xml-utf7.docx', 'any')
def _(c):
    return docx(b'<?xml version="1.0" encoding="UTF-7"?>+ADw-w:document+AD4-')


# --- names and structure -----------------------------------------------------------------------------------

GOOD = document('An ordinary sentence about herons.').encode()


@case('name-parent.docx', 'any', quick=True)
def _(c):
    return docx(GOOD, [Entry('../../voiced-evil.txt', b'x'), Entry('..\\..\\voiced-evil.txt', b'x')])


@case('name-absolute.docx', 'any', quick=True)
def _(c):
    return docx(GOOD, [Entry(c['evil'], b'x')])


@case('name-long.docx', 'any', quick=True)
def _(c):
    return docx(GOOD, [Entry('n' * 65535, b'x')])


@case('name-nul.docx', 'any')
def _(c):
    return docx(GOOD, [Entry(b'word/document.xml\0.txt', b'x'), Entry(b'', b'x')])


@case('name-invalid.docx', 'any', quick=True)
def _(c):
    return docx(GOOD, [Entry(b'\xff\xfe\xc0\xaf.xml', b'x'), Entry('\x1b[2J.xml', b'x')])


@case('name-differs.docx', 'any')
def _(c):
    """The directory and the entry itself name different things."""
    return docx(Entry('word/document.xml', GOOD, local_name=b'elsewhere.xml'))


@case('name-twice.docx', 'any')
def _(c):
    return docx(GOOD, [Entry('word/document.xml', document('another').encode())])


@case('path-parent.epub', 'any', quick=True)
def _(c):
    return epub(XHTML % ('', 'x'), href='../../../../../../..' + c['secret'])


@case('path-root.epub', 'any')
def _(c):
    return epub(XHTML % ('', 'x'), root='../../../../../../..' + c['secret'])


@case('size-small.docx', 'any', quick=True)
def _(c):
    packed, crc, n = repeated_deflate(b'a ' * 2**18, 200)
    return docx(Entry('word/document.xml', packed=packed, crc=crc, size=100))


@case('size-large.docx', 'any', quick=True)
def _(c):
    return docx(Entry('word/document.xml', GOOD, size=0xfffffff0))


@case('size-packed.docx', 'any', quick=True)
def _(c):
    return docx(Entry('word/document.xml', GOOD, packed_size=0xfffffff0))


@case('size-64.docx', 'any')
def _(c):
    return docx(Entry('word/document.xml', GOOD, size=0xffffffff, packed_size=0xffffffff))


@case('count.docx', 'any')
def _(c):
    return archive([Entry('word/document.xml', GOOD)], count=65535)


@case('directory.docx', 'any', quick=True)
def _(c):
    return archive([Entry('word/document.xml', GOOD)], directory_at=0xffffffff)


@case('crc.docx', 'any')
def _(c):
    return docx(Entry('word/document.xml', GOOD, crc=1))


@case('method.docx', 'any')
def _(c):
    return docx(Entry('word/document.xml', GOOD, method=99))


@case('rubbish-deflate.docx', 'refused', quick=True)
def _(c):
    return docx(Entry('word/document.xml', packed=b'\xff' * 1000, size=len(GOOD), crc=0))


@case('encrypted-entry.docx', 'refused', quick=True, why='password')
def _(c):
    return docx(Entry('word/document.xml', GOOD, flags=0x801))


@case('encrypted-ole.docx', 'refused', quick=True)
def _(c):
    """What an office program writes with a password: an OLE file with EncryptedPackage."""
    head = b'\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1' + bytes(16) + struct.pack('<HHHHH', 0x3e, 3, 0xfffe, 9, 6) + bytes(6)
    names = ''.join(n.ljust(32, '\0') for n in ('Root Entry', 'EncryptionInfo', 'EncryptedPackage')).encode('utf-16-le')
    return head.ljust(512, b'\0') + names.ljust(4096, b'\0')


def truncated(name, whole):
    for k, part in enumerate((0.1, 0.5, 0.9, 0.99)):
        case('truncated-%d-%s' % (k, name), 'any', quick=k == 1)(lambda c, p=part: whole(c)[:int(len(whole(c)) * p)])


truncated('a.docx', lambda c: docx(document('An ordinary sentence. ' * 50)))
truncated('a.odt', lambda c: odt(ODT % ('', '<text:p>An ordinary sentence.</text:p>' * 50)))
truncated('a.epub', lambda c: epub(XHTML % ('', 'An ordinary sentence. ' * 50)))
truncated('a.xlsx', lambda c: xlsx('<row r="1"><c r="A1" t="s"><v>0</v></c></row>',
                                   '<sst NS><si><t>%s</t></si></sst>' % ('cell ' * 50)))
for kind in ('docx', 'pptx', 'xlsx', 'odt', 'epub', 'html', 'pdf', 'txt.gz', 'md', 'txt', 'csv', 'json', 'jsonl', 'eml'):
    case('empty.' + kind, 'refused', quick=kind in ('docx', 'html', 'pdf', 'md', 'eml'))(lambda c: b'')
