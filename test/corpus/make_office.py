import openpyxl, datetime
from openpyxl.styles import Font
wb=openpyxl.Workbook(); ws=wb.active; ws.title='Fees'
ws['A1']='Fees of Sørvåg harbour'
for row in [[], ['Boat','Length','Fee','Since','Share'],['Dinghy','4 m',12.5,datetime.date(2021,4,1),0.1],['Sloop','9 m',31,datetime.datetime(2022,5,15,18,30),0.25],['Zürich','7 m',0.1+0.2,datetime.date(2024,2,29),1]]: ws.append(row)
for r in ws['E4:E6']: r[0].number_format='0%'
w2=wb.create_sheet('Łódź'); w2.append(['Key','Value']); w2.append(['Harbour master','Åse Þórsdóttir']); w2.append(['Open',True]); w2.append(['Berths','=6*7'])
h=wb.create_sheet('Secret'); h.append(['hidden','cells']); h.sheet_state='hidden'
wb.properties.title='Harbour Handbook'
wb.save('openpyxl.xlsx')
import docx
d=docx.Document(); d.core_properties.title=''
d.add_heading('Harbour Handbook',0); d.add_heading('Mooring fees',1)
d.sections[0].header.paragraphs[0].text='CONFIDENTIAL RUNNING HEADER'
t=d.add_table(rows=1,cols=3); 
for c,x in zip(t.rows[0].cells,['Boat','Length','Fee per night']): c.text=x
for r in [['Dinghy','4 metres','€12'],['Sloop','9 metres','€31']]:
    for c,x in zip(t.add_row().cells,r): c.text=x
cells=t.add_row().cells; cells[0].merge(t.rows[2].cells[0]); t.rows[2].cells[0].text='Sloop'; cells[1].text='9 metres, winter'; cells[2].text='€20'
d.add_heading('Arriving at Sørvåg',2)
for x in ['Call the harbour master on channel 12.','Wait outside the breakwater.']: d.add_paragraph(x,style='List Number')
for x in ["the boat's papers",'naïve optimism']: d.add_paragraph(x,style='List Bullet')
d.add_page_break(); d.add_paragraph('Sister ports are Łódź and Πειραιάς.')
d.save('python-docx.docx')
